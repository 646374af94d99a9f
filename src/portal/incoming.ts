/**
 * A content that came with a request and belongs to nobody yet. Whoever stores it takes it; what nobody took is removed
 * when the request is over.
 */
import type { ContentStore } from './content-store.js'
import type { StoredContent } from './content.js'

export class IncomingContent {
  readonly content: StoredContent
  /** The file name of the part of a form; null for base64. */
  readonly fileName: string | null
  #taken = false

  constructor(content: StoredContent, fileName: string | null) {
    this.content = content
    this.fileName = fileName
  }

  take(): StoredContent {
    this.#taken = true
    return this.content
  }

  dispose(contents: ContentStore): void {
    if (!this.#taken) contents.remove(this.content)
  }

  /** What the log of requests shows in its place. */
  toJSON(): string {
    return `(${this.content.sizeBytes} bytes)`
  }
}
