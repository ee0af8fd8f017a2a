/** Bundle the unit tests with esbuild and run them with Node's own test runner. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

// Inside node_modules, so that the bundles still find the packages left external.
const outdir = mkdtempSync(join('node_modules', '.flowdrop-tests-'));
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
