/** Links as bad as they come, with the whole client. */
import t from 'tap'
import { WholeClient } from '../support/whole-client.js'

await t.test('E-65: nested links and a cycle: a walk through everything ends, and every real folder is shown once', async (t) => {
  const client = await WholeClient.start(t, { seed: 'links' })
  const found: string[] = []
  const folders = ['']
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    t.ok(found.length < 50, 'the walk ends')
    if (found.length >= 50) return
    for (const name of await client.list(folder)) {
      const path = folder === '' ? name : `${folder}/${name}`
      found.push(path)
      if (!name.includes('.')) folders.push(path)
    }
  }
  const names = found.map((path) => path.slice(path.lastIndexOf('/') + 1)).sort()
  t.same(names, ['Archive', 'Projects', 'Sales', 'Team', 'notes.txt', 'old.txt', 'plan.txt', 'price.txt', 'price.txt'], 'Ada would lead back to Projects, the second Team to the first')
  const notes = found.find((path) => path.endsWith('notes.txt'))!
  await client.write(notes, 'through links')
  await client.settle()
  const row = (await client.tree('12')).get('Team/notes.txt')!
  t.equal((await client.remote(row.id)).toString(), 'through links')
  await client.settle()
  t.same(await client.failures(), [])
})
