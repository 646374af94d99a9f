/** Calls of the kernel for a program that works with files by path and keeps one handle for each. */
import type { FileSystem, Handle, NodeId, OpenFlags } from '../../src/fs/operations.js'
import type { WholeClient } from '../support/whole-client.js'
import type { Call } from './history.js'
import { folderOf, nameOf, type TreeNode } from './tree.js'

const WRITING: OpenFlags = { read: true, write: true, append: false, truncate: false, exclusive: false }

export class Program {
  readonly #client: WholeClient
  readonly #open = new Map<string, { readonly node: NodeId; readonly handle: Handle }>()

  constructor(client: WholeClient) {
    this.#client = client
  }

  async call(call: Exclude<Call, { do: 'pass' }>): Promise<void> {
    const { core, caller } = this.#client
    const fs: FileSystem = core.fileSystem
    const { path } = call
    const parent = await this.#client.node(folderOf(path))
    const name = nameOf(path)
    switch (call.do) {
      case 'create': {
        const { entry, opened } = await fs.create(parent, name, 0o644, { ...WRITING, exclusive: true }, caller)
        this.#open.set(path, { node: entry.node as NodeId, handle: opened.handle })
        return
      }
      case 'open':
      case 'truncate-open': {
        const node = await this.#client.node(path)
        this.#open.set(path, { node, handle: (await fs.open(node, { ...WRITING, truncate: call.do === 'truncate-open' }, caller)).handle })
        return
      }
      case 'write': {
        const { node, handle } = this.#opened(path)
        await fs.write(node, handle, call.at, Buffer.from(call.text), false, caller)
        return
      }
      case 'close': {
        const { node, handle } = this.#opened(path)
        this.#open.delete(path)
        await fs.flush(node, handle, caller)
        await fs.release(node, handle, caller)
        return
      }
      case 'empty':
        await fs.setattr(await this.#client.node(path), undefined, { sizeBytes: 0 }, caller)
        return
      case 'unlink':
        await this.#client.unlink(path)
        return
      case 'rmdir':
        await this.#client.list(path) // as every program that removes a tree
        await this.#client.rmdir(path)
        return
      case 'mkdir':
        await this.#client.mkdir(path)
        return
      case 'rename':
        await this.#client.rename(path, call.to)
    }
  }

  #opened(path: string): { readonly node: NodeId; readonly handle: Handle } {
    const opened = this.#open.get(path)
    if (opened === undefined) throw new Error(`${path} is not open`)
    return opened
  }
}

/** Everything that is shown, with its bytes. */
export async function look(client: WholeClient, folder = ''): Promise<ReadonlyMap<string, Pick<TreeNode, 'text'>>> {
  const found = new Map<string, Pick<TreeNode, 'text'>>()
  const { core, caller } = client
  const fs: FileSystem = core.fileSystem
  for (const name of await client.list(folder)) {
    const path = folder === '' ? name : `${folder}/${name}`
    const { attributes } = await fs.getattr(await client.node(path), undefined, caller)
    if (attributes.kind === 'directory') {
      found.set(path, { text: null })
      for (const [below, node] of await look(client, path)) found.set(below, node)
    } else found.set(path, { text: await client.text(path) })
  }
  return found
}
