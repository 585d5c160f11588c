// Loaded into the notebook kernel before tslab. Two limits cut long outputs short; both are met here, for every notebook, so that nobody
// has to know of them:
// - zeromq sends only 512 messages in one turn of the event loop unless sendTimeout is 0, and tslab never waits for a send: a
//   cell that prints 1,000 lines would lose half of them and its own end, and hang.
// - a Jupyter server stops a kernel's output at 3,000 messages in 3 seconds, and tslab sends one for each write: so writes
//   that follow each other closely are joined.
'use strict';
const Module = require('node:module');

const joinMs = 20;
let pending = '';
let sink;
let sentAt = -Infinity;
let timer;

/** Sends the text held back, through the cell and stream it was written to. */
function flush() {
  clearTimeout(timer);
  timer = undefined;
  if (pending === '') return;
  const text = pending;
  pending = '';
  sentAt = performance.now();
  sink(text);
}

function joined(send) {
  return function write(chunk, encoding, callback) {
    if (sink !== send) flush();
    sink = send;
    pending += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
    // A busy cell never lets the timer run, so the clock is read here as well.
    if (performance.now() - sentAt >= joinMs) flush();
    else timer ??= setTimeout(flush, joinMs);
    const done = typeof encoding === 'function' ? encoding : callback;
    if (done) process.nextTick(done);
    return true;
  };
}

/** tslab replaces `write` of both streams at the start of each cell; what it puts there is wrapped. */
function joinWrites(stream) {
  let current = stream.write;
  Object.defineProperty(stream, 'write', {
    configurable: true,
    get: () => current,
    set(send) {
      flush();
      current = joined(send);
    },
  });
}

joinWrites(process.stdout);
joinWrites(process.stderr);
process.on('exit', flush);

const load = Module._load;
let patched;

Module._load = function loadPatched(id, ...rest) {
  const loaded = load.call(this, id, ...rest);
  if (id !== 'zeromq' || !loaded.Publisher) return loaded;
  patched ??= class Publisher extends loaded.Publisher {
    constructor(options) {
      super({ sendTimeout: 0, sendHighWaterMark: 0, ...options });
    }

    /** Displays and the end of a cell keep their place after the text that was written before them. */
    send(...args) {
      flush();
      return super.send(...args);
    }
  };
  return { ...loaded, Publisher: patched, __esModule: true };
};
