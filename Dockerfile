# Salve as a static binary on an empty image, run by a user without rights.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/salve ./cmd/salve \
 && mkdir -p /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/salve /salve
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
# The database lives here; mount a volume to keep it.
WORKDIR /data
ENV SALVE_LISTEN=:8080 SALVE_DATABASE=/data/salve.db
EXPOSE 8080
ENTRYPOINT ["/salve"]
CMD ["serve"]
