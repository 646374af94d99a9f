/**
 * `connect --oauth`: the application's keys from a file, the environment or a prompt, then the address that a person opens,
 * then the code by redirect or by paste. Keys and codes live only in this short process and in the secret store.
 */
import { spawn } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { DriveError, systemCode } from '../base/errors.js'
import { systemRandom } from '../base/random.js'
import { DEFAULT_REDIRECT_PORT, RedirectListener, readPasted, type Authorization } from '../daemon/redirect-listener.js'
import { NOT_FOR_CHILDREN } from '../daemon/spawn.js'
import type { ApplicationKeys } from '../rest/authorization-server.js'
import type { OAuthGrant } from '../rest/oauth-access.js'
import { Prompter } from './prompter.js'
import type { Session } from './session.js'

export interface OAuthOptions {
  readonly oauth: string
  readonly paste?: boolean
  readonly port?: number
  readonly application?: string
  readonly oauthServer?: string
  readonly browser?: boolean
}

const AUTHORIZE_TIMEOUT_MS = 10 * 60_000
const STATE_BYTES = 16

const howToMakeAnApplication = (redirect: string | undefined): string => `A local application lets this computer work with your drive. To make one:
  1. Open your Bitrix24 on the web, then Applications > Developer resources > Other > Local application.
  2. ${redirect === undefined ? 'Leave the address of its handler empty: the portal then shows a code to be pasted.' : `As the address of its handler write ${redirect}`}
  3. Give it the permission "Drive (disk)", tick that it uses the API only, and save it.
  4. Copy client_id (local.…) and client_secret from its card. The secret is as secret as a password.`

/** The first tokens. `usage`, `deadline`, `bad-credentials`, … */
export async function signInByOAuth(session: Session, options: OAuthOptions): Promise<OAuthGrant> {
  const { portalAddress, signIn } = await import('../daemon/sign-in.js') // what speaks to a portal is loaded only here
  const { DEFAULT_AUTHORIZATION_SERVER } = await import('../rest/authorization-server.js')
  const portal = portalAddress(options.oauth)
  const state = systemRandom.hex(STATE_BYTES)
  const prompter = new Prompter(session.terminal)
  // The port is taken before anything is asked: a redirect that nobody hears would spend the code.
  const listener = options.paste === true ? undefined : await RedirectListener.open(state, options.port ?? DEFAULT_REDIRECT_PORT)
  try {
    const keys = await readKeys(session, options, prompter, listener?.address)
    if (listener !== undefined) prompter.close() // while it has the terminal, Ctrl-C is only a key
    const authorize = (address: string): Promise<Authorization> =>
      listener === undefined ? pasted(session, prompter, { address, state }) : redirected(session, listener, { address, opensBrowser: options.browser !== false })
    return await signIn({ portal, keys, server: options.oauthServer ?? DEFAULT_AUTHORIZATION_SERVER, clock: session.clock, environment: session.terminal.env, authorize, state })
  } finally {
    prompter.close()
    await listener?.close()
  }
}

async function redirected({ output, clock, terminal }: Session, listener: RedirectListener, { address, opensBrowser }: { address: string; opensBrowser: boolean }): Promise<Authorization> {
  output.note(`Open this address and let the application in; the portal then sends you to ${listener.address}\n  ${address}`)
  if (opensBrowser && hasDisplay(terminal.env)) openBrowser(address, terminal.env)
  return listener.wait(clock, AUTHORIZE_TIMEOUT_MS)
}

/** A code lives 30 seconds (1.2), so the person is told to hurry before it is made. */
async function pasted({ output }: Session, prompter: Prompter, { address, state }: { address: string; state: string }): Promise<Authorization> {
  output.note(`Open this address and let the application in. The code that it shows is good for 30 seconds: paste it here at once.\n  ${address}`)
  const text = await prompter.ask('Code, or the whole address that the browser was sent to (not shown): ')
  if (text === '') throw new DriveError('usage', 'no code was given: connect again and paste what the portal shows')
  return readPasted(text, state)
}

/** From --application, else from the environment, else asked for. Never from the command line, which everybody sees. */
async function readKeys(session: Session, { application }: OAuthOptions, prompter: Prompter, redirect: string | undefined): Promise<ApplicationKeys> {
  const { env } = session.terminal
  if (application !== undefined && application !== '-') return keysIn(await readKeyFile(session, application))
  const { ELASTIC_DRIVE_CLIENT_ID: clientId = '', ELASTIC_DRIVE_CLIENT_SECRET: clientSecret = '' } = env
  if (application === undefined && clientId !== '' && clientSecret !== '') return checked({ clientId, clientSecret })
  if (application === undefined) session.output.note(howToMakeAnApplication(redirect))
  return checked({ clientId: await prompter.ask('client_id (not shown): '), clientSecret: await prompter.ask('client_secret (not shown): ') })
}

async function readKeyFile({ output, terminal }: Session, name: string): Promise<string> {
  const path = resolve(terminal.workingDirectory, name)
  try {
    if (((await stat(path)).mode & 0o077) !== 0) output.note(`elastic-drive: ${path} can be read by others, and a secret is in it: chmod 600`)
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new DriveError('usage', `${path} cannot be read (${systemCode(error) ?? 'unknown'}): it should hold client_id and client_secret, one a line`, { cause: error })
  }
}

/** Two lines, bare or as `name=value`, or a JSON object with the two names. */
function keysIn(text: string): ApplicationKeys {
  const [first = '', second = ''] = text.trimStart().startsWith('{') ? keysInJson(text) : text.split('\n').map((line) => line.trim().replace(/^client_(?:id|secret)\s*[=:]\s*/u, '')).filter((line) => line !== '')
  return checked({ clientId: first, clientSecret: second })
}

function keysInJson(text: string): readonly string[] {
  try {
    const { client_id: id, client_secret: secret } = JSON.parse(text) as Readonly<Record<string, unknown>>
    return [id, secret].map((value) => (typeof value === 'string' ? value : ''))
  } catch (error) {
    if (error instanceof SyntaxError) return []
    throw error
  }
}

function checked({ clientId, clientSecret }: ApplicationKeys): ApplicationKeys {
  if (!/^(?:local|app)\.[\w.]{4,100}$/u.test(clientId)) throw new DriveError('usage', 'client_id is not valid: copy it from the application\'s card, it begins with "local." or "app."')
  if (!/^[\w.~-]{8,200}$/u.test(clientSecret)) throw new DriveError('usage', 'client_secret is not valid: copy it whole from the application\'s card')
  return { clientId, clientSecret }
}

function hasDisplay({ DISPLAY, WAYLAND_DISPLAY }: NodeJS.ProcessEnv): boolean {
  return (DISPLAY ?? '') !== '' || (WAYLAND_DISPLAY ?? '') !== ''
}

/** A help only: the address stands on the terminal all the same. */
function openBrowser(address: string, env: NodeJS.ProcessEnv): void {
  const child = spawn('xdg-open', [address], { detached: true, stdio: 'ignore', env: { ...env, ...NOT_FOR_CHILDREN } })
  child.once('error', () => undefined)
  child.unref()
}
