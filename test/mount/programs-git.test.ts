// git in the mount (acceptance: real programs pass). Nothing had to be set: `git init` finds by itself that the drive has
// no symbolic links (core.symlinks false), and where link(2) answers EPERM git renames its temporary objects into place.
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { endsEqual } from './both-trees.js'
import { Playground } from './playground.js'

const WHO = 'export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.com;'

const fuse = skipWithout('fuse')

t.setTimeout(300_000) // a loaded machine is slow, not wrong

await t.test('git commits, merges, collects garbage, clones and finds nothing wrong, also when its objects come back from the portal', fuse, async (t) => {
  const ground = await Playground.start(t, { portalArguments: ['--plan', 'self-hosted'], settings: { uploadDelay: '3600' } })
  await ground.shell(`${WHO}
    git init -q -b main work
    cd work
    test "$(git config core.symlinks)" = false
    mkdir -p docs/deep
    for i in $(seq 20); do seq $i 300 > file-$i.txt; echo "page $i" > docs/deep/page-$i.md; done
    git add -A
    git commit -qm 'the first'
    git tag first
    git checkout -qb side
    for i in $(seq 10); do echo 'from the side' >> file-$i.txt; done
    git mv docs/deep docs/deeper
    git rm -q file-20.txt
    git commit -qam 'the side'
    git checkout -q main
    echo 'from the trunk' >> file-15.txt
    git commit -qam 'the trunk'
    git merge -q --no-edit side
    git stash list
    test -z "$(git status --porcelain)"
    test "$(wc -l < file-15.txt)" = 287 && test -f docs/deeper/page-3.md && test ! -e file-20.txt`)
  await ground.shell(`${WHO} cd work; git fsck --strict --full; git gc -q; git fsck --strict --full; test -z "$(git status --porcelain)"`)
  const packed = await ground.shell(`cd work; git count-objects -v`)
  t.match(packed, /count: 0\n/, 'every object is in the pack')
  await ground.shell(`${WHO}
    git clone -q work copy
    cd copy
    git fsck --strict --full
    echo 'from the copy' > copied.txt
    git add copied.txt
    git commit -qm 'the copy'
    git push -q origin HEAD:refs/heads/copied
    git -C ../work merge -q --ff-only copied
    test "$(cat ../work/copied.txt)" = 'from the copy'
    diff -r --exclude=.git . ../work`)
  await endsEqual(t, ground)

  await ground.ok('free', ground.path('work'))
  await ground.clearRequests()
  await ground.shell(`cd work; git fsck --strict --full; git reset -q --hard first; test -f file-20.txt; test -z "$(git status --porcelain)"`)
  t.ok((await ground.requests()).bytesDown > 0, 'the objects were fetched')
  await endsEqual(t, ground)
})
