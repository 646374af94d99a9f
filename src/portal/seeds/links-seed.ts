/**
 * Links as bad as they come (E-65): nested ones, two to one folder, a file link, and a cycle. The owner's Projects holds a
 * link to the colleague's Team, which holds a link to Projects.
 */
import { ListedSeed } from './listed-seed.js'
import { COLLEAGUE_ID, COLLEAGUE_STORAGE_ID, COMMON_STORAGE_ID, OWNER_ID, OWNER_STORAGE_ID } from './seed.js'

const FILE = { head: null, sizeBytes: 1000 }

export function linksSeed(madeSec: number): ListedSeed {
  const seed = new ListedSeed(madeSec)
  const root = seed.root(OWNER_STORAGE_ID)
  const colleagues = { parent: seed.root(COLLEAGUE_STORAGE_ID), by: COLLEAGUE_ID }

  const sales = seed.folder({ parent: seed.root(COMMON_STORAGE_ID), name: 'Sales' })
  const price = seed.file({ parent: sales, name: 'price.txt' }, FILE)
  const archive = seed.folder({ parent: sales, name: 'Archive' })
  seed.file({ parent: archive, name: 'old.txt' }, FILE)

  const projects = seed.folder({ parent: root, name: 'Projects' })
  seed.file({ parent: projects, name: 'plan.txt' }, FILE)
  const team = seed.folder({ ...colleagues, name: 'Team' })
  seed.file({ parent: team, name: 'notes.txt', by: COLLEAGUE_ID }, FILE)

  seed.folder({ parent: team, name: 'Sales', by: COLLEAGUE_ID }, sales.id)
  seed.folder({ parent: team, name: 'Ada', by: COLLEAGUE_ID }, projects.id)
  seed.folder({ parent: projects, name: 'Team' }, team.id)
  seed.folder({ parent: root, name: 'Team' }, team.id)
  seed.folder({ parent: root, name: 'Sales' }, sales.id)
  seed.fileLink({ parent: root, name: 'price.txt' }, price)

  seed.grants.push({ objectId: team.id, userId: OWNER_ID, level: 'edit' }, { objectId: projects.id, userId: COLLEAGUE_ID, level: 'edit' })
  return seed
}
