/** Bundle the notebook widget: one self-contained ESM file and one style sheet for anywidget. */
import { build, context } from 'esbuild';

const flags = process.argv.slice(2);
const development = flags.includes('--development');
const outdir = '../flowdrop_jupyter/notebook/static';

const options = {
  entryPoints: { chat: 'src/widget/index.ts' },
  outdir,
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  minify: !development,
  sourcemap: development ? 'inline' : false,
  legalComments: 'eof',
  charset: 'utf8',
  logLevel: 'warning'
};
const styles = { ...options, entryPoints: { chat: 'style/chat.css' }, sourcemap: false };

if (flags.includes('--watch')) {
  for (const each of [options, styles]) {
    await (await context(each)).watch();
  }
} else {
  await Promise.all([build(options), build(styles)]);
}
