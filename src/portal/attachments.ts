/**
 * Attached objects (bitrix24-rest.md 5.4): a file of the drive as it hangs on a message or a task. They have ids of their
 * own and are only ever read by REST.
 */

export interface Attachment {
  readonly id: number
  readonly objectId: number
  readonly moduleId: string
  readonly entityType: string
  readonly entityId: string
  readonly createSec: number
  readonly createdBy: number
}

export class Attachments {
  readonly #record: (attachment: Attachment) => void
  readonly #attachments = new Map<number, Attachment>()

  constructor(record: (attachment: Attachment) => void) {
    this.#record = record
  }

  add(fields: Omit<Attachment, 'id'>): Attachment {
    const attachment = { ...fields, id: Math.max(0, ...this.#attachments.keys()) + 1 }
    this.replay(attachment)
    this.#record(attachment)
    return attachment
  }

  replay(attachment: Attachment): void {
    this.#attachments.set(attachment.id, attachment)
  }

  get(id: number): Attachment | undefined {
    return this.#attachments.get(id)
  }

  all(): Iterable<Attachment> {
    return this.#attachments.values()
  }
}
