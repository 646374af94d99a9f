/** A connection that TLS refused, in words: what most companies with a certificate authority of their own meet first. Pure. */

/** From the reason of a failed connection to `whom`; undefined for any other reason. */
export function untrustedWords(reason: unknown, whom = 'the portal'): string | undefined {
  if (typeof reason !== 'string') return undefined
  // No authority helps these: a sign-in page in between answers by its own name, and a clock may be wrong.
  if (reason.includes('ALTNAME')) return `the certificate of ${whom} is another host's (${reason}): check the address, and whether this network wants a sign-in first`
  if (/CERT_(?:HAS_EXPIRED|NOT_YET_VALID)/u.test(reason)) return `the certificate of ${whom} is not valid now (${reason}): check this computer's clock; if it is right, the certificate has to be renewed there`
  if (!/CERT|SELF_SIGNED|LEAF_SIGNATURE/u.test(reason)) return undefined
  return `the certificate of ${whom} is not trusted (${reason}): start the program with NODE_EXTRA_CA_CERTS naming the file of your company's certificate authority`
}
