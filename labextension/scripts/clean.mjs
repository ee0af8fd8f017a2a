/** Remove everything that a build writes. */
import { rmSync } from 'node:fs';

for (const path of [
  'lib',
  '../flowdrop_jupyter/labextension',
  '../flowdrop_jupyter/notebook/static/chat.js',
  '../flowdrop_jupyter/notebook/static/chat.css'
]) {
  rmSync(path, { recursive: true, force: true });
}
