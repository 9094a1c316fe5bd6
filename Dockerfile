# ioasid in a container: docker build -t ioasid . && docker run --rm ioasid exec -- ls /dev/vfio/devices
#
# Docker's and Podman's own seccomp profiles allow what the runner needs (seccomp, ioctl, process_vm_readv and _writev). They
# refuse pidfd_getfd, by which eventfds of a program are reached, to containers without CAP_SYS_PTRACE: programs that use
# interrupts need `docker run --cap-add SYS_PTRACE`. Where a profile of your own refuses more, `ioasid doctor` says what.
FROM node:22-bookworm-slim AS build
WORKDIR /src
COPY . .
RUN npm ci --no-audit --no-fund && npm pack --pack-destination /tmp

FROM node:22-bookworm-slim
COPY --from=build /tmp/ioasid-*.tgz /tmp/
RUN npm install --global --no-audit --no-fund /tmp/ioasid-*.tgz && rm /tmp/ioasid-*.tgz
USER node
WORKDIR /work
ENTRYPOINT ["ioasid"]
CMD ["doctor"]
