/** Lab commands of the panel, and what they do. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import {
  InputDialog,
  MainAreaWidget,
  Notification,
  type WidgetTracker
} from '@jupyterlab/apputils';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import { addIcon, refreshIcon } from '@jupyterlab/ui-components';
import { toChatError } from '../chat/errors';
import { asText } from '../chat/json';
import type { RestClient } from '../rest/client';
import { ChatWidget } from './chat-widget';
import { flowdropIcon } from './icon';
import type { SessionsModel } from './sessions-model';

export const CommandIDs = {
  openSession: 'flowdrop:open-session',
  newSession: 'flowdrop:new-session',
  refresh: 'flowdrop:refresh'
} as const;

export const COMMAND_CATEGORY = 'FlowDrop';

export type ChatTracker = WidgetTracker<MainAreaWidget<ChatWidget>>;

export interface ICommandContext {
  readonly app: JupyterFrontEnd;
  readonly client: RestClient;
  readonly model: SessionsModel;
  readonly tracker: ChatTracker;
}

export function addCommands(context: ICommandContext): void {
  const { commands } = context.app;
  commands.addCommand(CommandIDs.openSession, {
    label: 'Open FlowDrop session',
    icon: flowdropIcon,
    execute: args => {
      openSession(context, asText(args.sessionId));
    },
    describedBy: { args: idArgument('sessionId', 'The session to open') }
  });
  commands.addCommand(CommandIDs.newSession, {
    label: 'New FlowDrop session…',
    icon: addIcon,
    execute: args => reported(() => newSession(context, asText(args.workflowId))),
    describedBy: { args: idArgument('workflowId', 'The workflow to run; asked for when absent') }
  });
  commands.addCommand(CommandIDs.refresh, {
    label: 'Refresh FlowDrop sessions',
    icon: refreshIcon,
    execute: () => context.model.refresh(),
    describedBy: { args: { type: 'object', properties: {} } }
  });
}

function openSession(context: ICommandContext, sessionId: string): void {
  if (sessionId === '') {
    return;
  }
  const { app, client, tracker } = context;
  const open = tracker.find(widget => widget.content.sessionId === sessionId);
  const widget = open ?? new MainAreaWidget({ content: new ChatWidget(client, sessionId) });
  if (!open) {
    widget.id = `flowdrop-session-${sessionId}`;
    // The chat has a header of its own.
    widget.toolbar.hide();
    void tracker.add(widget);
    app.shell.add(widget, 'main', { type: 'FlowDrop session' });
  }
  app.shell.activateById(widget.id);
}

async function newSession(context: ICommandContext, workflowId: string): Promise<void> {
  const { client, model } = context;
  const chosen = workflowId || (await chooseWorkflow(client));
  if (chosen === '') {
    return;
  }
  const existing = await client.sessions(chosen);
  const session = await client.createSession(chosen, `Session ${existing.length + 1}`);
  openSession(context, session.id);
  await model.refresh();
}

/** Ask which workflow to run; empty when the person changed their mind. */
async function chooseWorkflow(client: RestClient): Promise<string> {
  const workflows = await client.workflows();
  const items = workflows.map(workflow => workflow.name);
  const answer = await InputDialog.getItem({ title: 'Run which workflow?', items });
  const index = answer.value === null ? -1 : items.indexOf(answer.value);
  return answer.button.accept ? (workflows[index]?.id ?? '') : '';
}

async function reported(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (reason) {
    Notification.error(toChatError(reason).message);
  }
}

function idArgument(name: string, description: string): ReadonlyJSONObject {
  return { type: 'object', properties: { [name]: { type: 'string', description } } };
}
