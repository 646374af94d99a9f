/**
 * A TCP proxy on loopback that holds every byte back, half of the latency each way: what the portal's own latency is for
 * the drive, this is for the WebDAV server. The order of the bytes is kept, their rate is not limited.
 */
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Tidy } from './tidy.js'

export class LatencyProxy {
  /** May be changed while connections are open. */
  latencyMs = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  static async start(targetPort: number, tidy: Tidy): Promise<LatencyProxy> {
    const proxy = new LatencyProxy(targetPort)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    tidy.teardown(() => {
      proxy.#end()
    })
    return proxy
  }

  private constructor(targetPort: number) {
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
      const far = connect({ port: targetPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
      for (const socket of [near, far]) {
        this.#sockets.add(socket)
        socket.on('error', () => {
          socket.destroy()
        })
        socket.on('close', () => this.#sockets.delete(socket))
      }
      this.#pass(near, far)
      this.#pass(far, near)
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /**
   * What comes is handed on in its order when its time has come, and not past a reader that lets us wait: then it stays
   * here, and the sender waits too.
   */
  #pass(from: Socket, to: Socket): void {
    const queue: { readonly dueMs: number; readonly work: () => void }[] = []
    let isFull = false
    const handOn = (): void => {
      const nowMs = performance.now()
      for (let next = queue[0]; next !== undefined && next.dueMs <= nowMs && !isFull; next = queue[0]) {
        queue.shift()
        next.work()
      }
    }
    const later = (work: () => void): void => {
      const delayMs = this.latencyMs / 2
      queue.push({ dueMs: performance.now() + delayMs, work })
      setTimeout(handOn, Math.ceil(delayMs) + 1) // a timer may fire a millisecond early
    }
    const goOn = (): void => {
      isFull = false
      from.resume()
      handOn()
    }
    to.on('drain', goOn)
    to.on('close', goOn)
    from.on('data', (chunk: Buffer) => {
      later(() => {
        if (!to.writable || to.write(chunk)) return
        isFull = true
        from.pause()
      })
    })
    from.on('end', () => {
      later(() => {
        to.end()
      })
    })
    from.on('close', () => {
      later(() => {
        to.destroySoon()
      })
    })
  }

  #end(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}
