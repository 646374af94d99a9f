/**
 * What computed contents begin with, by name. A name carries everything its bytes depend on, so nothing has to be kept:
 * `text/KEY`, `docx/KEY`, `png/NUMBER`, `mp4/SIZE`, `tar/SIZE`.
 */
import { tarHead, videoHead } from './containers.js'
import { DEMO_DOCUMENTS, DEMO_TEXTS, type DemoDocument, type DemoText } from './demo-texts.js'
import { documentBytes } from './office-document.js'
import { pictureBytes } from './png.js'

/** Makes the bytes of heads and remembers the last few, because a download asks for them chunk by chunk. */
export class Heads {
  readonly #recent = new Map<string, Uint8Array>()

  /** Throws a RangeError for a name that no seed uses. */
  bytes(head: string): Uint8Array {
    const known = this.#recent.get(head)
    if (known !== undefined) return known
    const made = madeHead(head)
    if (this.#recent.size >= REMEMBERED) this.#recent.clear()
    this.#recent.set(head, made)
    return made
  }
}

const REMEMBERED = 64

function madeHead(head: string): Uint8Array {
  const slash = head.indexOf('/')
  const key = head.slice(slash + 1)
  switch (head.slice(0, slash)) {
    case 'text':
      return Buffer.from(DEMO_TEXTS[key as DemoText])
    case 'docx':
      return documentBytes(DEMO_DOCUMENTS[key as DemoDocument])
    case 'png':
      return pictureBytes(Number(key))
    case 'mp4':
      return videoHead(Number(key))
    case 'tar':
      return tarHead(Number(key))
    default:
      throw new RangeError(`no head ${head}`)
  }
}
