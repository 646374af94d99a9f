// sqlite3 in the mount (acceptance: real programs pass): its locks, its rollback journal, and the shared memory of its WAL.
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { endsEqual } from './both-trees.js'
import { Playground } from './playground.js'

const ROWS = 'with recursive c(i) as (select 1 union all select i + 1 from c where i < 1000)'
const WRITERS = 3
const EACH = 25

const fuse = skipWithout('fuse')

t.setTimeout(300_000) // a loaded machine is slow, not wrong

await t.test('sqlite3 keeps its databases whole', fuse, async (t) => {
  const ground = await Playground.start(t, { portalArguments: ['--plan', 'self-hosted'], settings: { uploadDelay: '3600' } })

  for (const mode of ['delete', 'wal']) {
    // [S-47]
    await t.test(`with journal_mode ${mode}, what several processes wrote is all there and the database is whole`, async (t) => {
      const database = `${mode}.db`
      await ground.shell(`
        sqlite3 ${database} "pragma journal_mode=${mode}; create table t(i integer primary key, b blob); create table log(who, n);
          ${ROWS} insert into t select i, randomblob(200) from c; update t set b = randomblob(300) where i % 3 = 0; delete from t where i % 5 = 0"
        pids=
        for writer in $(seq ${WRITERS}); do
          (for n in $(seq ${EACH}); do echo "insert into log values($writer, $n);"; done | sqlite3 -bail -cmd '.timeout 20000' ${database}) &
          pids="$pids $!"
        done
        for pid in $pids; do wait $pid; done`)
      t.equal(await ground.shell(`sqlite3 ${database} "pragma integrity_check; select count(*), sum(length(b)) from t; select count(*), count(distinct who || '.' || n) from log"`), `ok\n800|186700\n${WRITERS * EACH}|${WRITERS * EACH}\n`)
      await ground.shell(`sqlite3 ${database} "vacuum"; test "$(sqlite3 ${database} 'pragma integrity_check')" = ok`)
    })
  }

  await t.test('a process killed in the middle of a transaction leaves a journal, and the next one rolls it back', async (t) => {
    await ground.shell(`sqlite3 killed.db "create table t(a, b); ${ROWS} insert into t select i, randomblob(200) from c"`)
    // A cache of five pages makes it write into the database before the end of the transaction.
    const { stderr } = await ground.attempt(`sqlite3 killed.db 'pragma cache_size=5' 'begin; update t set b = randomblob(400)' '.shell kill -9 $PPID'; test -s killed.db-journal || echo 'no journal' >&2`)
    t.notMatch(stderr, 'no journal')
    t.equal(await ground.shell(`sqlite3 killed.db 'pragma integrity_check; select count(*), sum(length(b)) from t'`), 'ok\n1000|200000\n')
    t.equal((await ground.attempt('test -e killed.db-journal')).code, 1)
  })

  await endsEqual(t, ground)
})
