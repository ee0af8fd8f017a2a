/** The REST routes that the panel uses, over Lab's own connection (which adds the XSRF token). */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { ChatError } from '../chat/errors';
import { asList, asText, asWord, isRecord, type JsonRecord } from '../chat/json';
import {
  type IMessage,
  type IMessagePage,
  type ISession,
  type IWorkflow,
  parseMessage,
  parseMessages,
  parseSession,
  parseWorkflow,
  SESSION_STATUSES
} from '../chat/protocol';

/** How a read is made. */
export interface IReadOptions {
  /** Nobody asked for it, so it must not keep an idle server from being culled. */
  readonly background?: boolean;
}

export interface IPageQuery extends IReadOptions {
  /** Rows strictly after this timestamp. */
  readonly since?: string;
  /** Rows before this sequence number. */
  readonly before?: number;
}

export class RestClient {
  constructor(private readonly _settings: ServerConnection.ISettings) {}

  async workflows(options: IReadOptions = {}): Promise<IWorkflow[]> {
    const body = await this._fetch('GET', `/workflows${search(options)}`);
    return asList(body.data)
      .map(parseWorkflow)
      .filter(row => row !== null);
  }

  async workflow(id: string): Promise<IWorkflow> {
    const body = await this._fetch('GET', `/workflows/${encodeURIComponent(id)}`);
    return expected(parseWorkflow(body.data));
  }

  /** The sessions of a workflow, newest first. */
  async sessions(workflowId: string, options: IReadOptions = {}): Promise<ISession[]> {
    const body = await this._fetch('GET', sessionsPath(workflowId) + search(options));
    return asList(body.data)
      .map(parseSession)
      .filter(row => row !== null);
  }

  async createSession(workflowId: string, name: string): Promise<ISession> {
    const body = await this._fetch('POST', sessionsPath(workflowId), { name });
    return expected(parseSession(body.data));
  }

  async session(id: string): Promise<ISession> {
    return expected(parseSession((await this._fetch('GET', sessionPath(id))).data));
  }

  /** The newest page, or what `query` asks for. */
  async messages(sessionId: string, query: IPageQuery = {}): Promise<IMessagePage> {
    const path = `${sessionPath(sessionId)}/messages`;
    const body = await this._fetch('GET', path + search(query));
    const status = asText(body.sessionStatus);
    return {
      messages: parseMessages(body.data),
      hasOlder: body.hasOlder === true,
      sessionStatus: status ? asWord(status, SESSION_STATUSES, 'idle') : null
    };
  }

  /** The stored user message. */
  async post(sessionId: string, content: string): Promise<IMessage | null> {
    const path = `${sessionPath(sessionId)}/messages`;
    return parseMessage((await this._fetch('POST', path, { content, inputs: {} })).data);
  }

  async stop(sessionId: string): Promise<void> {
    await this._fetch('POST', `${sessionPath(sessionId)}/stop`);
  }

  async answer(interruptId: string, value: unknown): Promise<void> {
    await this._fetch('POST', `/interrupts/${encodeURIComponent(interruptId)}`, { value });
  }

  async cancel(interruptId: string): Promise<void> {
    await this._fetch('POST', `/interrupts/${encodeURIComponent(interruptId)}/cancel`);
  }

  private async _fetch(method: string, path: string, body?: JsonRecord): Promise<JsonRecord> {
    const url = URLExt.join(this._settings.baseUrl, 'flowdrop/api') + path;
    const init: RequestInit =
      body === undefined ? { method } : { method, body: JSON.stringify(body) };
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this._settings);
    } catch {
      throw new ChatError('The Jupyter server cannot be reached.', 'UNREACHABLE');
    }
    const answer = await readJson(response);
    if (!response.ok || answer.success === false) {
      const text = asText(answer.error) || asText(answer.message) || response.statusText;
      const code = asText(answer.code) || asText(answer.error_code) || `HTTP_${response.status}`;
      throw new ChatError(text || 'The server refused the request.', code, response.status);
    }
    return answer;
  }
}

async function readJson(response: Response): Promise<JsonRecord> {
  try {
    const value: unknown = await response.json();
    return isRecord(value) ? value : {};
  } catch {
    if (response.ok) {
      throw new ChatError('The server sent an answer that cannot be read.', 'BAD_ANSWER');
    }
    return {};
  }
}

function expected<T>(value: T | null): T {
  if (value === null) {
    throw new ChatError('The server sent an answer that cannot be read.', 'BAD_ANSWER');
  }
  return value;
}

/** A query string; empty when there is nothing to say. */
function search({ since, before, background }: IPageQuery): string {
  return URLExt.objectToQueryString({
    ...(since === undefined ? {} : { since }),
    ...(before === undefined ? {} : { before: String(before) }),
    // Jupyter's own parameter.
    ...(background === true ? { no_track_activity: '1' } : {})
  });
}

function sessionsPath(workflowId: string): string {
  return `/workflows/${encodeURIComponent(workflowId)}/playground/sessions`;
}

function sessionPath(id: string): string {
  return `/playground/sessions/${encodeURIComponent(id)}`;
}
