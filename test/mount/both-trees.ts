/** The mount and the portal side by side: every folder, and every file with its hash. */
import type { Test } from 'tap'
import type { Playground, TreeItem } from './playground.js'

/** Every file and folder of the mount but those in the trash of a file manager, as `portalTree` names them. */
export async function mountTree(ground: Playground): Promise<readonly string[]> {
  const lines = await ground.shell(`find . -mindepth 1 -path './.Trash-*' -prune -o \\( -type d -printf 'folder %P\\n' \\) -o \\( -type f -exec sha256sum {} + \\) | sed 's#^\\([0-9a-f]\\{64\\}\\)  \\./#file \\1 #'`)
  return lines.split('\n').filter((line) => line !== '').sort()
}

export function portalTree(items: readonly TreeItem[]): readonly string[] {
  return items
    .filter(({ path }) => path !== '' && path !== 'Uploaded files' && !path.startsWith('Uploaded files/'))
    .map(({ type, path, sha256 }) => (type === 'file' ? `file ${sha256 ?? ''} ${path}` : `folder ${path}`))
    .sort()
}

/** Sends what is queued; then the portal has exactly what the mount shows. */
export async function endsEqual(t: Test, ground: Playground, waitSeconds = 120): Promise<void> {
  await ground.syncAllowing('--wait', String(waitSeconds))
  const here = await mountTree(ground)
  t.same(portalTree(await ground.tree()), here, `the portal has the ${here.length} files and folders of the mount`)
}
