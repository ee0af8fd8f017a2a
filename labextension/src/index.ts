/** The JupyterLab plugin: a side panel of FlowDrop sessions and chats in the main area. */
import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, type MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import type { ChatWidget } from './panel/chat-widget';
import { addCommands, COMMAND_CATEGORY, CommandIDs } from './panel/commands';
import { SessionsModel } from './panel/sessions-model';
import { SessionsPanel } from './panel/sessions-panel';
import { RestClient } from './rest/client';

const NAMESPACE = 'flowdrop-jupyter';

const plugin: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:plugin`,
  description: 'Lists FlowDrop workflow sessions and opens their chats.',
  autoStart: true,
  optional: [ILayoutRestorer, ICommandPalette],
  activate(
    app: JupyterFrontEnd,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ) {
    const client = new RestClient(app.serviceManager.serverSettings);
    const tracker = new WidgetTracker<MainAreaWidget<ChatWidget>>({ namespace: NAMESPACE });
    const model: SessionsModel = new SessionsModel(client, (): boolean => panel.isVisible);
    const panel: SessionsPanel = new SessionsPanel(model, {
      openSession: sessionId => void app.commands.execute(CommandIDs.openSession, { sessionId }),
      newSession: workflowId => void app.commands.execute(CommandIDs.newSession, { workflowId }),
      refresh: () => void app.commands.execute(CommandIDs.refresh)
    });
    addCommands({ app, client, model, tracker });
    app.shell.add(panel, 'left', { rank: 600, type: 'FlowDrop' });

    if (restorer) {
      restorer.add(panel, panel.id);
      void restorer.restore(tracker, {
        command: CommandIDs.openSession,
        args: widget => ({ sessionId: widget.content.sessionId }),
        name: widget => widget.content.sessionId
      });
    }
    for (const command of [CommandIDs.newSession, CommandIDs.refresh]) {
      palette?.addItem({ command, category: COMMAND_CATEGORY });
    }
  }
};

export default plugin;
