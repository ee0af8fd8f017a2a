/** FlowDrop's icon: a drop, in the colours of Lab's other side bar icons. */
import { LabIcon } from '@jupyterlab/ui-components';

// Filled, because Lab colours the icons of its side bars by their fill.
const DROP = `<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24">
  <path class="jp-icon3 jp-icon-selectable" fill="#616161" fill-rule="evenodd" clip-rule="evenodd"
    d="M12 2.2c.5 0 7.5 7.2 7.5 12.2a7.5 7.5 0 0 1-15 0C4.5 9.4 11.5 2.2 12 2.2Z
       M12 5.2c-1.5 1.8-5.5 6.1-5.5 9.2a5.5 5.5 0 0 0 11 0c0-3.1-4-7.4-5.5-9.2Z
       M8.5 13.8a1 1 0 0 1 2 0c0 1.5.9 2.4 2.3 2.4a1 1 0 0 1 0 2c-2.5 0-4.3-1.9-4.3-4.4Z"/>
</svg>`;

export const flowdropIcon = new LabIcon({ name: 'flowdrop-jupyter:drop', svgstr: DROP });
