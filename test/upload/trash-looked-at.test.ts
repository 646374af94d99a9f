// A folder on its way to the portal's trash, of which the watch sees news before the deletion is sent (DESIGN.md 6a.12).
import t, { type Test } from 'tap'
import { WholeClient } from '../support/whole-client.js'

const SIGNAL = new AbortController().signal

/** These folders went into the file manager's trash here while nothing was sent. */
async function trashed(t: Test, folders: readonly string[], files: readonly string[]): Promise<WholeClient> {
  const client = await WholeClient.start(t)
  for (const path of files) await client.act('write', { path, content: 'before' })
  for (const path of files) await client.text(path)
  await client.core.setPaused(true)
  for (const path of ['.Trash-0', '.Trash-0/files', '.Trash-0/info']) await client.mkdir(path)
  for (const folder of folders) await client.rename(folder, `.Trash-0/files/${folder}`)
  return client
}

async function looksAndSends(client: WholeClient): Promise<void> {
  await client.core.watch.syncAll(SIGNAL)
  await client.core.setPaused(false)
  await client.settle()
  await client.settle()
}

await t.test('what a colleague added or changed in it brings it back, though it was looked at before the deletion was sent', async (t) => {
  const client = await trashed(t, ['Added', 'Edited', 'Deep', 'Plain'], ['Added/x.txt', 'Edited/x.txt', 'Deep/sub/x.txt', 'Plain/x.txt'])
  for (const path of ['Added/new.txt', 'Edited/x.txt', 'Deep/sub/new.txt']) await client.act('write', { path, content: 'colleague' })
  await looksAndSends(client)
  const tree = await client.tree()
  for (const path of ['Added/new.txt', 'Edited/x.txt', 'Deep/sub/new.txt']) {
    t.ok(tree.has(path), path)
    t.equal(await client.text(path), 'colleague', path)
  }
  t.notOk(tree.has('Plain'), 'what nobody touched is in the trash')
})

await t.test('what a colleague moved into it brings it back', async (t) => {
  const client = await trashed(t, ['Docs'], ['Docs/x.txt', 'moved.txt'])
  await client.act('move', { path: 'moved.txt', to: 'Docs' })
  await looksAndSends(client)
  t.ok((await client.tree()).has('Docs/moved.txt'))
  t.equal(await client.text('Docs/moved.txt'), 'before')
})
