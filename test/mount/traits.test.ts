/** A day in a real mount on portals that tell every doubtful fact of the protocol the other way. */
import t from 'tap'
import { ALL_FLIPPED } from '../support/trait-portals.js'
import { skipWithout } from '../support/skip.js'
import { Playground } from './playground.js'

t.setTimeout(300_000)

for (const { name, traits } of ALL_FLIPPED) {
  await t.test(`a day in a mount on a portal with ${name}`, skipWithout('fuse'), async (t) => {
    const portalArguments = Object.entries(traits).flatMap(([trait, value]) => ['--trait', `${trait}=${value}`])
    const ground = await Playground.start(t, { portalArguments, settings: { uploadDelay: '0' } })
    const sync = (): Promise<string> => ground.ok('sync', '--wait', '60')
    const large = Buffer.from(Uint32Array.from({ length: 2_500_000 }, (_each, index) => Math.imul(index + 1, 0x9e3779b1)).buffer)
    await ground.act({ op: 'write', path: 'Projects/plan.txt', content: 'plan' })
    const { id: oldId } = await ground.act({ op: 'write', path: 'Projects/old.txt', content: 'old' })
    await ground.act({ op: 'write', path: 'Projects/large.bin', contentBase64: large.toString('base64') })
    await ground.act({ op: 'write', storage: '13', path: 'Sales/price.txt', content: 'price' })
    await ground.act({ op: 'connect', storage: '13', path: 'Sales' })

    // Listing, and reading whole and by ranges.
    await sync()
    t.equal(await ground.shell('find . -type f | sort'), './Projects/large.bin\n./Projects/old.txt\n./Projects/plan.txt\n./Sales/price.txt\n')
    t.equal(await ground.shell('cat Projects/plan.txt Sales/price.txt'), 'planprice')
    await ground.shell('dd if=Projects/large.bin bs=4096 skip=2000 count=3 status=none | cmp - <(tail -c +8192001 Projects/large.bin | head -c 12288)')
    t.equal((await ground.shell('sha256sum < Projects/large.bin')).slice(0, 64), (await ground.item('Projects/large.bin'))?.sha256)

    // Editing, and the ways programs save.
    const { id } = (await ground.item('Projects/plan.txt'))!
    await ground.shell(`
      printf 'plan 2' > Projects/plan.txt
      mkdir Made
      printf 'new' > Made/new.txt
    `)
    await sync()
    await ground.shell(`
      printf 'newer' > Made/.new.txt.swp; mv Made/.new.txt.swp Made/new.txt
      mv Projects/plan.txt Projects/plan.txt~; printf 'plan 3' > Projects/plan.txt; rm Projects/plan.txt~
    `)
    await sync()
    t.match(await ground.item('Projects/plan.txt'), { id, size: 6 }, 'the id stayed through each way of saving')
    t.match(await ground.item('Made/new.txt'), { version: 2, size: 5 })

    // Names, places, the trash and back.
    await ground.shell('mv Made/new.txt Projects/moved.txt; mv Made Done; rm Projects/old.txt')
    await sync()
    const paths = async (): Promise<readonly string[]> => (await ground.tree()).map(({ path }) => path).sort()
    t.same(await paths(), ['Done', 'Projects', 'Projects/large.bin', 'Projects/moved.txt', 'Projects/plan.txt', 'Sales'])
    await ground.act({ op: 'restore', id: oldId })
    await ground.act({ op: 'rename', path: 'Projects/moved.txt', name: 'renamed.txt' })
    await sync()
    t.equal(await ground.shell('cat Projects/old.txt Projects/renamed.txt'), 'oldnewer')

    // Two people at one file, and writing through a link.
    await ground.ok('pause')
    await ground.shell(`printf 'mine' > Projects/plan.txt; printf 'offer' > Sales/offer.txt`)
    await ground.act({ op: 'write', path: 'Projects/plan.txt', content: 'theirs' })
    await ground.ok('resume')
    await sync()
    t.equal(await ground.shell('cat Projects/plan*.txt | fold -w1 | sort | tr -d "\\n"'), 'eehiimnrst', '"mine" and "theirs"')
    t.equal((await paths()).filter((path) => path.startsWith('Projects/plan')).length, 2)
    t.equal(await ground.shell('cat Sales/*'), 'offerprice')
    t.equal((await ground.json<{ errors: readonly unknown[] }>('status')).errors.length, 0)
  })
}
