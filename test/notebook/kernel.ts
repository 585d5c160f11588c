/** A client of a real tslab kernel, speaking Jupyter's wire protocol over zeromq: what JupyterLab does, without Python. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
// tslab brings zeromq along; no other part of the project needs it.
import { Dealer, Subscriber } from 'zeromq';

const root = path.resolve(__dirname, '../..');

/** One message from the kernel. */
export interface KernelMessage {
  readonly type: string;
  readonly parent: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** What a cell did. */
export interface CellResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly displays: readonly KernelMessage[];
}

/** A running kernel. */
export class TestKernel {
  private readonly child: ChildProcess;
  private readonly shell = new Dealer();
  private readonly iopub = new Subscriber();
  private readonly key: string;
  private readonly messages: KernelMessage[] = [];
  private readonly waiting = new Set<() => void>();
  exited = false;

  /** Starts the kernel as our kernelspec does, with `folder` as the notebook's folder. */
  static async start(folder: string): Promise<TestKernel> {
    const ports = await freePorts(5);
    const key = randomUUID();
    const [shell_port, iopub_port, stdin_port, control_port, hb_port] = ports;
    const connection = {
      transport: 'tcp',
      ip: '127.0.0.1',
      key,
      signature_scheme: 'hmac-sha256',
      shell_port,
      iopub_port,
      stdin_port,
      control_port,
      hb_port,
    };
    const file = path.join(folder, `connection-${key}.json`);
    fs.writeFileSync(file, JSON.stringify(connection));
    const preload = path.join(root, '.tools/kernel-preload.cjs');
    const tslab = path.join(root, 'node_modules/tslab/bin/tslab');
    const child = spawn(process.execPath, ['-r', preload, tslab, 'kernel', '--config-path', file], {
      cwd: folder,
      stdio: 'ignore',
    });
    const kernel = new TestKernel(child, key);
    kernel.shell.connect(`tcp://127.0.0.1:${shell_port}`);
    kernel.iopub.connect(`tcp://127.0.0.1:${iopub_port}`);
    kernel.iopub.subscribe();
    void kernel.listen();
    try {
      // A subscription takes effect some time after it is made; until then the kernel's words are lost, so ask again.
      for (let i = 0; ; i++) {
        const ready = await kernel.run('0;', undefined, 2000).then(
          () => true,
          () => false,
        );
        if (ready) return kernel;
        if (i === 20 || kernel.exited) throw new Error('the kernel does not answer');
      }
    } catch (error) {
      kernel.stop();
      throw error;
    }
  }

  private constructor(child: ChildProcess, key: string) {
    this.child = child;
    this.key = key;
    child.on('exit', () => {
      this.exited = true;
      this.wakeAll();
    });
  }

  /** Runs a cell and waits until the kernel is idle again. */
  async run(
    code: string,
    onMessage: (message: KernelMessage) => void = () => undefined,
    limitMs = 20_000,
  ): Promise<CellResult> {
    const end = Date.now() + limitMs;
    const id = randomUUID();
    const header = {
      msg_id: id,
      username: 'test',
      session: 'test',
      msg_type: 'execute_request',
      version: '5.3',
      date: new Date().toISOString(),
    };
    const content = {
      code,
      silent: false,
      store_history: true,
      user_expressions: {},
      allow_stdin: false,
      stop_on_error: false,
    };
    const parts = [header, {}, {}, content].map((part) => JSON.stringify(part));
    const hmac = createHmac('sha256', this.key).update(parts.join('')).digest('hex');
    await this.shell.send(['<IDS|MSG>', hmac, ...parts]);
    const mine: KernelMessage[] = [];
    let seen = 0;
    for (;;) {
      for (; seen < this.messages.length; seen++) {
        const message = this.messages[seen];
        if (message.parent !== id) continue;
        mine.push(message);
        onMessage(message);
        if (message.type !== 'status' || message.content['execution_state'] !== 'idle') continue;
        const result = this.result(id, mine);
        // tslab drops what arrives within 200 ms of a failed cell.
        if (result.stderr !== '') await new Promise((resolve) => setTimeout(resolve, 300));
        return result;
      }
      if (this.exited) throw new Error('the kernel died');
      if (Date.now() > end) throw new Error(`no end after ${limitMs} ms: ${code}`);
      await this.news(end - Date.now());
    }
  }

  /** What a stop button does. */
  interrupt(): void {
    this.child.kill('SIGINT');
  }

  /** Ends the kernel. */
  stop(): void {
    this.child.kill('SIGKILL');
    this.shell.close();
    this.iopub.close();
  }

  private news(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, limitMs + 1);
      this.waiting.add(done);
    });
  }

  private wakeAll(): void {
    for (const done of [...this.waiting]) done();
  }

  private result(id: string, mine: readonly KernelMessage[]): CellResult {
    const stream = (name: string): string =>
      mine
        .filter(({ type, content }) => type === 'stream' && content['name'] === name)
        .map(({ content }) => String(content['text']))
        .join('');
    return {
      stdout: stream('stdout'),
      stderr: stream('stderr'),
      displays: mine.filter(({ type, parent }) => parent === id && /display_data$/.test(type)),
    };
  }

  private async listen(): Promise<void> {
    for await (const frames of this.iopub) {
      const texts = frames.map(String);
      const at = texts.indexOf('<IDS|MSG>');
      const [header, parent, , content] = texts
        .slice(at + 2, at + 6)
        .map((text) => JSON.parse(text) as Record<string, unknown>);
      this.messages.push({ type: String(header['msg_type']), parent: String(parent['msg_id']), content });
      this.wakeAll();
    }
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
