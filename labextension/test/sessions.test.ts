/** The panel's list: what it reads, and on whose account. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { ListApi, SessionsModel as Model } from '../src/panel/sessions-model';
import type { IReadOptions } from '../src/rest/client';
import { openPage } from './page';

let SessionsModel: typeof Model;

beforeEach(async () => {
  openPage();
  ({ SessionsModel } = await import('../src/panel/sessions-model'));
});

/** Lists one workflow; tells of each reading of its sessions. */
class FakeLists implements ListApi {
  readonly readings: IReadOptions[] = [];
  private _next: () => void = () => undefined;

  workflows(): ReturnType<ListApi['workflows']> {
    return Promise.resolve([{ id: 'w1', name: 'Flow', description: '' }]);
  }

  sessions(_id: string, options: IReadOptions = {}): ReturnType<ListApi['sessions']> {
    this.readings.push(options);
    this._next();
    return Promise.resolve([]);
  }

  reading(): Promise<void> {
    return new Promise(resolve => {
      this._next = resolve;
    });
  }
}

test('the list is polled in the background, and a refresh is not', async () => {
  const lists = new FakeLists();
  const model = new SessionsModel(lists, () => true);
  const polled = lists.reading();
  model.start();
  await polled;
  await model.refresh();
  model.dispose();
  assert.deepEqual(lists.readings, [{ background: true }, { background: false }]);
});
