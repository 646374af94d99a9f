/**
 * What the portal may hold in the end. Every save has bytes of its own. The newest save of a file that nobody deleted is
 * there; an older one, or a deleted one, only if the history was dropped while one side did not know of the change yet
 * (F1, F2, F6 of bitrix24-desktop-sync.md 11.2); and twice only what was renamed then (F1 and F2).
 */
export interface KnownFile {
  /** Where it was when last looked. */
  path: string
  content: string
}

export class CyclesLedger {
  /** By tag, what is alive. */
  readonly files = new Map<string, KnownFile>()
  /** Since both sides were last known to be equal. */
  readonly #changed = { replaced: new Set<string>(), renamed: new Set<string>() }
  /** What dropping the history may have brought back, and how often it may be there besides. */
  readonly #mayReturn = new Set<string>()
  readonly #copies = new Map<string, number>()

  saved(tag: string, path: string, content: string): void {
    const before = this.files.get(tag)
    if (before !== undefined) this.#replaced(before)
    this.files.set(tag, { path, content })
  }

  deleted(tag: string): void {
    const before = this.files.get(tag)
    if (before === undefined) return
    this.#replaced(before)
    this.files.delete(tag)
  }

  renamed(tag: string, path: string): void {
    const file = this.files.get(tag)
    if (file === undefined) return
    this.#changed.renamed.add(file.content)
    file.path = path
  }

  #replaced({ content }: KnownFile): void {
    this.#changed.replaced.add(content)
    if (this.#copies.has(content)) this.#mayReturn.add(content) // the other one stays as it is
  }

  /** Both sides know all: with a history nothing of before comes back any more. */
  synced(): void {
    this.#changed.replaced.clear()
    this.#changed.renamed.clear()
  }

  /** The history ends, or begins anew. */
  dropped(): void {
    for (const content of this.#changed.replaced) this.#mayReturn.add(content)
    for (const content of this.#changed.renamed) this.#copies.set(content, (this.#copies.get(content) ?? 0) + 1)
  }

  /** What is wrong with these contents, in words. `found`: paths by content. */
  faults(found: ReadonlyMap<string, readonly string[]>): readonly string[] {
    const newest = new Set([...this.files.values()].map(({ content }) => content))
    const lost = [...newest].filter((content) => !found.has(content)).map((content) => `"${content}" is lost`)
    const extra = [...found].flatMap(([content, paths]) => {
      if (!newest.has(content) && !this.#mayReturn.has(content)) return [`"${content}" is there and should not: ${paths.join(', ')}`]
      const allowed = 1 + (this.#copies.get(content) ?? 0)
      return paths.length > allowed ? [`"${content}" is there ${paths.length} times, where ${allowed} may be: ${paths.join(', ')}`] : []
    })
    return [...lost, ...extra]
  }
}
