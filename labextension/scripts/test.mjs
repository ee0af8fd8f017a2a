/** Bundle the unit tests with esbuild and run them with Node's own test runner. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

// Below the packages left external, but not in node_modules, where newer Nodes run no tests.
mkdirSync('lib', { recursive: true });
const outdir = mkdtempSync(join('lib', 'tests-'));
try {
  const names = readdirSync('test').filter(name => name.endsWith('.test.ts'));
  await build({
    entryPoints: names.map(name => join('test', name)),
    outdir,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    outExtension: { '.js': '.mjs' },
    sourcemap: 'inline',
    logLevel: 'warning'
  });
  const files = readdirSync(outdir).map(name => join(outdir, name));
  const result = spawnSync(
    process.execPath,
    ['--enable-source-maps', '--test', ...process.argv.slice(2), ...files],
    { stdio: 'inherit' }
  );
  process.exitCode = result.status ?? 1;
} finally {
  rmSync(outdir, { recursive: true, force: true });
}
