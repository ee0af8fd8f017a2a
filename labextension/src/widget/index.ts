/**
 * The notebook widget's module for anywidget.
 *
 * The default export is a function, which anywidget calls once per model: its closure is the only place
 * that `initialize` and `render` share, since each is given its own proxy of the model.
 */
import { uniqueId, whenAborted } from '../chat/dom';
import { asText } from '../chat/json';
import { ChatView } from '../chat/view';
import { ModelBackend } from './backend';
import { type IAnyModel, listen } from './model';
import { type Notify, reportPresence, type ViewState } from './presence';

interface IInitializeProps {
  readonly model: IAnyModel;
}

interface IRenderProps extends IInitializeProps {
  readonly el: HTMLElement;
}

interface IWidgetModule {
  initialize(props: IInitializeProps): () => void;
  render(props: IRenderProps): () => void;
}

const DEFAULT_HEIGHT = '480px';

export default function widgetModule(): IWidgetModule {
  let backend: ModelBackend | null = null;

  return {
    initialize({ model }) {
      const lifetime = new AbortController();
      backend = new ModelBackend(model, lifetime.signal);
      return () => {
        lifetime.abort();
        backend = null;
      };
    },

    render({ model, el }) {
      const lifetime = new AbortController();
      const { signal } = lifetime;
      const shared = (backend ??= new ModelBackend(model, signal));
      const view = new ChatView(shared);
      const resize = (): void => {
        view.node.style.height = asText(model.get('height')) || DEFAULT_HEIGHT;
      };
      resize();
      listen(model, 'change:height', resize, signal);
      const id = uniqueId('view');
      const notify = (state: ViewState): void => {
        shared.notify(id, state);
      };
      reportFocus(view.node, notify, signal);
      el.classList.add('jp-FlowDrop-host');
      el.append(view.node);
      notify('attached');
      reportPresence(notify, signal);
      whenAborted(signal, () => {
        view.dispose();
        notify('detached');
      });
      return () => {
        lifetime.abort();
      };
    }
  };
}

/** Say when the focus enters or leaves the widget as a whole. */
function reportFocus(node: HTMLElement, notify: Notify, signal: AbortSignal): void {
  let inside = false;
  const report = (now: boolean): void => {
    if (now !== inside) {
      inside = now;
      notify(now ? 'focus' : 'blur');
    }
  };
  node.addEventListener(
    'focusin',
    () => {
      report(true);
    },
    { signal }
  );
  node.addEventListener(
    'focusout',
    event => {
      const next = event.relatedTarget;
      report(next instanceof Node && node.contains(next));
    },
    { signal }
  );
}
