FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download && go mod verify
COPY . .
# .ci/run builds with this very line, twice, and compares.
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags="-s -w -buildid=" -o /out/playground ./cmd/playground
RUN install -d -m 700 /out/data && install -d -m 1777 /out/tmp

# Nothing but the program, and the certificates by which it trusts targets.
FROM scratch
LABEL org.opencontainers.image.title="Token Playground" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/tmp /tmp
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /out/playground /playground

# A container cannot tell who reaches it, so the image calls the sandbox only.
# Another profile needs the settings that the README names for it.
ENV PLAYGROUND_PROFILE=demo
ENV PLAYGROUND_LISTEN=0.0.0.0:8080
ENV PLAYGROUND_PUBLIC_URL=http://localhost:8080
ENV PLAYGROUND_STORE=bolt:/data/playground.db

USER 65532:65532
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s --retries=3 CMD ["/playground", "healthcheck"]
ENTRYPOINT ["/playground"]
