/** The model of a whole drive: as the portal was seeded, and as the mount must show it in the end. */
import { GeneratedBytes } from '../../src/portal/content.js'
import { ModelFile } from './model-bytes.js'
import type { Colleague } from './model-colleague.js'
import { ModelFolder, ModelTree, walk } from './model-tree.js'
import type { Playground } from './playground.js'

/** The model of what the portal was seeded with: every content follows from its id. */
export async function seededTree(ground: Playground): Promise<ModelTree> {
  const tree = new ModelTree()
  const generated = new GeneratedBytes()
  const items = [...(await ground.tree({ sha256: false }))].sort((a, b) => a.path.length - b.path.length)
  for (const { path, type, id, size } of items) {
    if (path === '') continue
    if (type === 'folder') {
      tree.mkdir(path, 0o755)
      continue
    }
    const file = new ModelFile(Buffer.alloc(size), 0o644)
    generated.fill(file.bytes, Number(id), 0)
    const folder = tree.find(path.slice(0, path.lastIndexOf('/')))
    if (folder instanceof ModelFolder) folder.children.set(path.slice(path.lastIndexOf('/') + 1), file)
  }
  return tree
}

/** Every name, and every byte; `beside` is a folder that the model knows nothing of. */
export async function walksAsModel(ground: Playground, tree: ModelTree, colleague: Colleague, beside?: string): Promise<void> {
  const nodes = walk(tree.root, '')
  const isModelled = (path: string): boolean => beside === undefined || (path !== beside && !path.startsWith(`${beside}/`))
  const names = (await ground.shell('find . -mindepth 1 -printf "%P\\n"')).split('\n').filter((name) => name !== '' && isModelled(name))
  const wanted = nodes.map(([path]) => path)
  const [missing, extra] = [wanted.filter((path) => !names.includes(path)), names.filter((path) => !wanted.includes(path))]
  if (missing.length > 0 || extra.length > 0) throw new Error(`missing ${JSON.stringify(missing)}, not expected ${JSON.stringify(extra)}`)
  await Promise.all(nodes.flatMap(([path, node]) => (node.kind === 'file' ? [colleague.check(path)] : [])))
}

/** What only programs use has no place on the portal. */
export async function withoutProgramsNames(ground: Playground): Promise<void> {
  await ground.shell(`find . -depth \\( -name '*.part' -o -name '.*.swp' \\) -exec rm -r {} +`)
}
