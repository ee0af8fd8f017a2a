/** Rebuild everything on change: tsc, the Lab extension and the widget, side by side. */
import { spawn } from 'node:child_process';

const commands = [
  ['tsc', '-p', 'tsconfig.build.json', '--watch', '--preserveWatchOutput'],
  ['jupyter-builder', 'watch', '.'],
  ['node', 'scripts/build-widget.mjs', '--development', '--watch']
];
const children = commands.map(([program, ...args]) =>
  spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })
);
const stop = () => children.forEach(child => child.kill());
process.on('SIGINT', stop);
process.on('SIGTERM', stop);
children.forEach(child => child.on('exit', stop));
