// Loaded into the notebook kernel before tslab. zeromq sends only 512 messages in one turn of the event loop unless
// sendTimeout is 0, and tslab never waits for a send: without this, a cell that prints 1,000 lines loses half of them and its own
// end, and hangs. The high-water mark is lifted so that a slow front end loses nothing either.
'use strict';
const Module = require('node:module');

const load = Module._load;
let patched;

Module._load = function loadPatched(id, ...rest) {
  const loaded = load.call(this, id, ...rest);
  if (id !== 'zeromq' || !loaded.Publisher) return loaded;
  patched ??= class Publisher extends loaded.Publisher {
    constructor(options) {
      super({ sendTimeout: 0, sendHighWaterMark: 0, ...options });
    }
  };
  return { ...loaded, Publisher: patched, __esModule: true };
};
