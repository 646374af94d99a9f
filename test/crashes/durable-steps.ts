/**
 * Everything of a client that lasts beyond its process goes through one of these doors: calls of the file system, the
 * addon's calls on files, SQLite, HTTP. Each is watched for the life that uses it (life.ts); the test's own calls and the
 * portal's pass. What is played is the death of a process, not a power loss: what was written stays, synced or not.
 */
import { constants } from 'node:fs'
import fs, { type FileHandle } from 'node:fs/promises'
import http from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import { basename } from 'node:path'
import { Duplex } from 'node:stream'
import { NativeFiles } from '../../src/base/native-addon.js'
import { Connection } from '../../src/store/connection.js'
import { currentLife, type Life } from './life.js'

type Method = (this: unknown, ...parameters: unknown[]) => Promise<unknown>
type Methods = Record<string, Method | undefined>
type Watch = (life: Life, what: string, work: () => Promise<unknown>, parameters: readonly unknown[]) => Promise<unknown>

const durable: Watch = (life, what, work, [first]) => life.durable(typeof first === 'string' ? `${what} ${basename(first)}` : what, work)
const harmless: Watch = (life, what, work) => life.harmless(what, work)

/** Answers how to watch no longer. */
export async function watchDurableSteps(): Promise<() => void> {
  const undo: (() => void)[] = []
  const wrap = (holder: object, names: readonly string[], watch: Watch): void => {
    const methods = holder as Methods
    for (const name of names) {
      const real = methods[name]
      if (real === undefined) throw new Error(`there is no ${name} to be watched`)
      methods[name] = function (...parameters) {
        const life = currentLife()
        return life === undefined ? real.apply(this, parameters) : watch(life, name, () => real.apply(this, parameters), parameters)
      }
      undo.push(() => {
        methods[name] = real
      })
    }
  }
  wrap(fs, ['mkdir', 'rename', 'rm', 'chmod', 'copyFile', 'writeFile'], durable)
  wrap(fs, ['open'], async (life, what, work, [path, flags]) => {
    const isMade = typeof flags === 'number' && (flags & constants.O_CREAT) !== 0
    const opening = async (): Promise<unknown> => {
      const handle = (await work()) as FileHandle
      life.handles.add(handle)
      return handle
    }
    return isMade ? durable(life, what, opening, [path]) : life.harmless(what, opening)
  })
  const probe = await fs.open('/dev/null')
  const handles = Object.getPrototypeOf(probe) as object
  await probe.close()
  wrap(handles, ['write', 'truncate', 'utimes'], durable)
  wrap(handles, ['read', 'stat'], harmless)
  wrap(NativeFiles.prototype, ['makeFile'], durable)
  // Steps like the others, but the disk is not troubled: a killed process leaves to the kernel what it wrote.
  wrap(handles, ['datasync', 'sync'], (life, what) => life.durable(what, () => Promise.resolve()))
  wrap(NativeFiles.prototype, ['syncFileSystem'], (life, what) => life.durable(what, () => Promise.resolve(true)))
  watchDatabases(wrap)
  undo.push(watchRequests())
  syncBuiltinESMExports()
  return () => {
    for (const back of undo.reverse()) back()
    syncBuiltinESMExports()
  }
}

/** What is done inside a transaction lasts from its COMMIT on; a statement outside of one commits itself. */
function watchDatabases(wrap: (holder: object, names: readonly string[], watch: Watch) => void): void {
  const inside = new WeakSet<object>()
  wrap(Connection, ['open'], async (life, _what, work, [path]) => {
    const opening = async (): Promise<unknown> => {
      const opened = (await work()) as Connection
      life.connections.set(opened, String(path))
      return opened
    }
    const connection = (await life.harmless('open', opening)) as Connection
    const methods = connection as unknown as Methods
    const statement = methods as { all: Method; run: Method; exec: Method; close: Method }
    const { all, run, exec, close } = statement
    const watched = (real: Method): Method => function (...parameters) {
      const sql = String(parameters[0])
      const work = (): Promise<unknown> => real.apply(this, parameters)
      const isWrite = /^\s*(INSERT|UPDATE|DELETE|REPLACE)/i.test(sql)
      return isWrite && !inside.has(connection) ? life.durable(`statement ${sql.slice(0, 40)}`, work) : life.harmless('statement', work)
    }
    statement.all = watched(all)
    statement.run = watched(run)
    statement.exec = function (...parameters) {
      const sql = String(parameters[0])
      const work = (): Promise<unknown> => exec.apply(this, parameters)
      if (/\bBEGIN\b/.test(sql)) inside.add(connection)
      const ends = /\b(COMMIT|ROLLBACK)\s*(;\s*|$)/.test(sql.replace(/ROLLBACK TO/g, ''))
      if (ends) inside.delete(connection)
      return ends ? life.durable('commit', work) : life.harmless('statement', work)
    }
    statement.close = () => {
      if (life.isDead) return currentLife() === undefined ? close.call(connection) : life.harmless('close', () => Promise.resolve())
      life.connections.delete(connection)
      return close.call(connection)
    }
    return connection
  })
}

/** A request: before it is sent, and when it was carried out and its answer has come. */
function watchRequests(): () => void {
  const real = http.request
  const request = (...parameters: readonly unknown[]): http.ClientRequest => {
    const life = currentLife()
    const make = real as (...all: readonly unknown[]) => http.ClientRequest
    if (life === undefined) return make(...parameters)
    const [url, options] = parameters as [URL | string, http.RequestOptions]
    const what = `request ${new URL(url).pathname.replace(/^\/rest\/\d+\/[^/]+\//, '').slice(0, 40)}`
    if (!life.reach(`before ${what}`)) return make(url, { ...options, agent: false, createConnection: silence })
    const sent = make(...parameters)
    sent.on('socket', (socket) => {
      life.sockets.add(socket)
      if (life.isDead) socket.destroy()
    })
    const emit = sent.emit.bind(sent)
    sent.emit = (event: string, ...values: unknown[]): boolean => (event === 'response' && !life.reach(`after ${what}`) ? true : emit(event, ...values))
    return sent
  }
  http.request = request
  return () => {
    http.request = real
  }
}

/** A connection over which nothing ever goes. */
function silence(): Duplex {
  return new Duplex({ read: () => undefined, write: () => undefined })
}
