/**
 * What the native engine uses beyond the least it needs, and can be told to do without: so that tests run it as an older
 * kernel would have it, and a person whose kernel misbehaves has a way out. Everything works without each of them.
 */

export const ENGINE_FEATURES = ['native-answers', 'readdirplus', 'passthrough', 'expire-only', 'second-reader'] as const
export type EngineFeature = (typeof ENGINE_FEATURES)[number]

/** What each is, for the help of the command line. */
export const FEATURE_SUMMARIES: Readonly<Record<EngineFeature, string>> = {
  'native-answers': 'ask JavaScript for everything',
  readdirplus: 'list names without their attributes',
  passthrough: 'read and write cached files through this program (before Linux 6.9, and without CAP_SYS_ADMIN)',
  'expire-only': 'drop a changed name instead of asking for it again (before Linux 6.2)',
  'second-reader': 'read requests with one thread',
}
