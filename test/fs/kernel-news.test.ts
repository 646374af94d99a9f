// What the kernel is told of changes that it did not ask for.
import t from 'tap'
import { asIno } from '../../src/base/ids.js'
import { KernelNews } from '../../src/fs/kernel-news.js'
import { nodeIdOf, NodeTable } from '../../src/fs/nodes.js'
import type { NodeId } from '../../src/fs/operations.js'
import type { Item } from '../../src/mirror/item.js'

const ONE = asIno(10)
const OTHER = asIno(11)
const FILE = asIno(12)

function news(): { readonly news: KernelNews; readonly told: string[] } {
  const nodes = new NodeTable()
  const told: string[] = []
  const nameOf = (folder: NodeId): string => (folder === nodeIdOf({ ino: ONE, contentGeneration: 0 }) ? 'one' : 'other')
  for (const ino of [ONE, OTHER]) nodes.noteEntered({ ino, contentGeneration: 0 } as Item)
  const tell = (parent: NodeId, name: string): void => {
    told.push(`${nameOf(parent)}/${name}`)
  }
  return { told, news: new KernelNews(nodes, { invalidateEntry: tell, invalidateNode: () => undefined, entryDeleted: (parent, _child, name) => { tell(parent, name) } }) }
}

void t.test('a name that was told of and is renamed at that moment takes what the kernel knew along: the new name is told of too', (t) => {
  const { news: kernel, told } = news()
  kernel.tell([{ kind: 'appeared', ino: FILE, at: { parent: ONE, name: 'a' } }])
  kernel.renamed({ parent: ONE, name: 'a' }, { parent: OTHER, name: 'b' })
  kernel.renamed({ parent: OTHER, name: 'b' }, { parent: OTHER, name: 'c' })
  t.same(told, ['one/a', 'other/b', 'other/c'])
  t.end()
})

void t.test('a name is told of wherever renames took it that were made before the notice', (t) => {
  const { news: kernel, told } = news()
  kernel.renamed({ parent: ONE, name: 'a' }, { parent: OTHER, name: 'b' })
  kernel.renamed({ parent: OTHER, name: 'b' }, { parent: ONE, name: 'a' })
  kernel.tell([{ kind: 'vanished', ino: FILE, generation: 0, at: { parent: ONE, name: 'a' } }])
  t.same([...told].sort(), ['one/a', 'one/a', 'other/b'])
  t.end()
})

void t.test('a rename of which nothing was told tells nothing', (t) => {
  const { news: kernel, told } = news()
  kernel.tell([{ kind: 'appeared', ino: FILE, at: { parent: ONE, name: 'other' } }])
  kernel.renamed({ parent: ONE, name: 'a' }, { parent: OTHER, name: 'b' })
  t.same(told, ['one/other'])
  t.end()
})
