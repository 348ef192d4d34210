// Mercurius as its documentation advises for speed: production mode, queries compiled by graphql-jit from their first
// use, lists through its loaders, no log.
import Fastify from "fastify";
import mercurius from "mercurius";
import pg from "pg";
import { makeService, typeDefs } from "../service.js";

const { resolvers, batches } = makeService(pg, process.env);
// Its cache is per request and costs more than it saves here: it writes each object out as its key.
const by = (name, batch) => ({
  loader: (queries) => batch(queries.map(({ obj }) => obj[name])),
  opts: { cache: false },
});
const loaders = {
  Donation: { project: by("projectId", batches.projects) },
  Project: { organisations: by("id", batches.organisations) },
  Organisation: { partner: by("partnerId", batches.partners) },
};

const app = Fastify({ logger: false });
app.register(mercurius, { schema: typeDefs, resolvers, loaders, jit: 1, graphiql: false });
app.get("/ready", async () => "ready");
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
