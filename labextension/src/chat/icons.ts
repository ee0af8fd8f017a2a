/** The few line icons of the chat, drawn as nodes so that no markup string is parsed. */

const SHAPES = {
  alert: [
    'M12 8v5',
    'M12 16.5v.01',
    'M10.3 4 2.6 17.5A2 2 0 0 0 4.3 20.5h15.4a2 2 0 0 0 1.7-3L13.7 4a2 2 0 0 0-3.4 0Z'
  ],
  check: ['m5 12.5 4.5 4.5L19 7'],
  checkCircle: ['M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z', 'm8 12.2 2.8 2.8L16 9.5'],
  chevron: ['m9 6 6 6-6 6'],
  clock: ['M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z', 'M12 7.5V12l3 2'],
  close: ['m6 6 12 12', 'M18 6 6 18'],
  copy: [
    'M9 9h10a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H9a1 1 0 0 1-1-1V10a1 1 0 0 1 1-1Z',
    'M5 15H4a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1h10a1 1 0 0 1 1 1v1'
  ],
  crossCircle: ['M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z', 'm9 9 6 6', 'm15 9-6 6'],
  down: ['M12 5v14', 'm6 13 6 6 6-6'],
  drop: ['M12 3s6.5 6.6 6.5 11.2a6.5 6.5 0 0 1-13 0C5.5 9.6 12 3 12 3Z', 'M9 14.5a3 3 0 0 0 3 3'],
  info: ['M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z', 'M12 11v5', 'M12 8v.01'],
  offline: [
    'm3 3 18 18',
    'M8.5 16a5 5 0 0 1 7 0',
    'M5 12.5a10 10 0 0 1 4.5-2.6',
    'M19 12.5a10 10 0 0 0-3-2',
    'M12 19.5v.01'
  ],
  question: [
    'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z',
    'M9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.9-1.1 1.8',
    'M12 16.5v.01'
  ],
  ready: ['M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z', 'M12 12v.01'],
  send: ['M12 19V5', 'm6 11 6-6 6 6'],
  spinner: ['M12 3a9 9 0 1 0 9 9'],
  steps: ['M4 6h16', 'M4 12h16', 'M4 18h9'],
  stop: ['M7 7h10v10H7Z']
} as const;

export type IconName = keyof typeof SHAPES;

const SVG = 'http://www.w3.org/2000/svg';

/** A decorative icon: the text beside it carries the meaning. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', `jp-FlowDrop-icon jp-FlowDrop-icon-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('focusable', 'false');
  for (const shape of SHAPES[name]) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', shape);
    svg.append(path);
  }
  return svg;
}
