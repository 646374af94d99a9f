/** What is said of a connection that TLS refused: only what can help. */
import t from 'tap'
import { untrustedWords } from '../../src/rest/untrusted.js'

for (const reason of ['SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE']) {
  t.match(untrustedWords(reason), /^the certificate of the portal is not trusted .*NODE_EXTRA_CA_CERTS/u, reason)
}
t.match(untrustedWords('ERR_TLS_CERT_ALTNAME_INVALID'), /another host's .*check the address/u)
for (const reason of ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']) t.match(untrustedWords(reason), /clock/u, reason)
for (const reason of ['ERR_TLS_CERT_ALTNAME_INVALID', 'CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']) t.notMatch(untrustedWords(reason), 'NODE_EXTRA_CA_CERTS', reason)
t.match(untrustedWords('CERT_UNTRUSTED', 'the authorization server oauth.bitrix.info'), /oauth\.bitrix\.info is not trusted/u, 'whose it is')
for (const reason of ['ECONNREFUSED', undefined]) t.equal(untrustedWords(reason), undefined)
