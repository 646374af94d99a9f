# The test container: a bare Debian with Node, the packages that scripts/install-packages names, and a built checkout.
# Built and run by scripts/docker-test; mounting needs `--device /dev/fuse --cap-add SYS_ADMIN`.
FROM node:20-bookworm-slim

WORKDIR /home/node/elastic-drive
RUN chown node:node .

COPY scripts/install-packages scripts/debian-packages scripts/
RUN scripts/install-packages run test && rm -rf /var/lib/apt/lists/*

# The rest belongs to the ordinary user that the image brings, so that tests can be run as one, too.
USER node
COPY --chown=node:node package.json package-lock.json ./
COPY --chown=node:node scripts/build scripts/packages-current.js scripts/
# Both secrets are optional: a company's certificate authority, and npm's registry and proxies.
RUN --mount=type=secret,id=ca,target=/run/secrets/ca.pem,mode=0444 \
    --mount=type=secret,id=npmrc,target=/run/secrets/npmrc,mode=0444 \
    if [ -s /run/secrets/ca.pem ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca.pem; fi; \
    if [ -s /run/secrets/npmrc ]; then export NPM_CONFIG_USERCONFIG=/run/secrets/npmrc; fi; \
    scripts/build --packages

COPY --chown=node:node . .
RUN scripts/build

# Root may mount without a helper; `--user node` works where /dev/fuse is open to everybody.
USER root
CMD ["./scripts/test"]
