/**
 * The log: pino lines with every secret redacted on the way out, whoever wrote them. ERROR: someone must look;
 * INFO: a state changed; DEBUG: the rest. Fields, not prose; never contents.
 */
import { pino, type DestinationStream, type Level } from 'pino'
import { redact } from './redact.js'

export interface Log {
  error(fields: object, message: string): void
  warn(fields: object, message: string): void
  info(fields: object, message: string): void
  debug(fields: object, message: string): void
  child(fields: object): Log
}

/** A log that writes redacted JSON lines to `destination` (a file or standard error). */
export function createLog(level: Level, destination: DestinationStream): Log {
  const redacting: DestinationStream = {
    write: (line) => {
      destination.write(redact(line))
    },
  }
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, redacting)
}

/** A log that keeps nothing. */
export const silentLog: Log = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => silentLog,
}
