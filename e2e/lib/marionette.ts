import { connect, type Socket } from 'node:net';

/** Mozilla's remote protocol: LENGTH:[0,id,command,parameters], and as answer LENGTH:[1,id,error,result]. */
export class Marionette {
  private received = Buffer.alloc(0);
  private last = 0;
  private readonly waiting = new Map<number, { resolve: (v: unknown) => void; reject: (e: Error) => void }>();

  private constructor(private readonly socket: Socket) {
    socket.on('data', (b) => { this.received = Buffer.concat([this.received, b]); this.take(); });
    socket.on('close', () => { for (const w of this.waiting.values()) w.reject(new Error('Firefox closed the connection')); });
    socket.on('error', () => undefined); // close follows
  }

  static connect(port: number): Promise<Marionette> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('error', reject);
      socket.once('connect', () => { socket.off('error', reject); resolve(new Marionette(socket)); });
    });
  }

  async send<T = unknown>(command: string, parameters: object = {}): Promise<T> {
    const id = ++this.last;
    const frame = Buffer.from(JSON.stringify([0, id, command, parameters]));
    const answered = new Promise<unknown>((resolve, reject) => { this.waiting.set(id, { resolve, reject }); });
    this.socket.write(Buffer.concat([Buffer.from(`${frame.length}:`), frame]));
    const result = await answered;
    return (typeof result === 'object' && result !== null && 'value' in result ? result.value : result) as T;
  }

  close(): void { this.socket.destroy(); }

  private take(): void {
    for (;;) {
      const colon = this.received.indexOf(':');
      const length = Number(this.received.subarray(0, Math.max(colon, 0)).toString());
      if (colon < 0 || this.received.length < colon + 1 + length) return;
      const frame = JSON.parse(this.received.subarray(colon + 1, colon + 1 + length).toString()) as unknown;
      this.received = this.received.subarray(colon + 1 + length);
      if (Array.isArray(frame)) this.answer(frame); // the greeting is an object
    }
  }

  private answer([, id, error, result]: unknown[]): void {
    const w = this.waiting.get(id as number);
    this.waiting.delete(id as number);
    if (error) w?.reject(new Error(`${(error as { error: string }).error}: ${(error as { message: string }).message}`));
    else w?.resolve(result);
  }
}
