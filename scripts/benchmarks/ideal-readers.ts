/**
 * What eight readers of small files could reach at best: N/50 batches of disk.file.get, then N downloads, over eight
 * connections that stay open, with nothing in between. Run as a process of its own: `ideal-readers.js WEBHOOK`, the ids
 * on standard input; prints `seconds S`.
 */
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'

const READERS = 8
const BATCH = 50
const agent = new Agent({ keepAlive: true, maxSockets: READERS })

function ask(url: string, body?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'user-agent': 'elastic-drive-bench', ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }) }
    const sent = request(url, { agent, method: body === undefined ? 'GET' : 'POST', headers }, (response) => {
      text(response).then((answer) => {
        if (response.statusCode === 200) resolve(answer)
        else reject(new Error(`${response.statusCode ?? 'no status'} from ${new URL(url).pathname}`))
      }, reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

async function byAll<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  const reader = async (): Promise<void> => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: READERS }, reader))
}

const webhook = process.argv[2] ?? ''
const ids = (await text(process.stdin)).trim().split('\n')
const batches = Array.from({ length: Math.ceil(ids.length / BATCH) }, (_, index) => ids.slice(index * BATCH, (index + 1) * BATCH))
const urls: string[] = []
const startMs = performance.now()
await byAll(batches, async (batch) => {
  const cmd = Object.fromEntries(batch.map((id) => [`f${id}`, `disk.file.get?id=${id}`]))
  const answer = JSON.parse(await ask(`${webhook}batch.json`, JSON.stringify({ halt: 0, cmd }))) as { result: { result: Readonly<Record<string, { DOWNLOAD_URL: string }>> } }
  urls.push(...Object.values(answer.result.result).map(({ DOWNLOAD_URL }) => DOWNLOAD_URL))
})
if (urls.length !== ids.length) throw new Error(`the portal gave ${urls.length} addresses for ${ids.length} files`)
await byAll(urls, async (url) => {
  await ask(url)
})
console.log(`seconds ${(performance.now() - startMs) / 1000}`)
agent.destroy()
