// Apollo Server as its documentation advises for production: behind Fastify, its fastest integration, no introspection,
// no landing page, its cache of parsed and validated documents, a dataloader of each kind for each request, no log.
import { ApolloServer } from "@apollo/server";
import { ApolloServerPluginLandingPageDisabled } from "@apollo/server/plugin/disabled";
import fastifyApollo, { fastifyApolloDrainPlugin } from "@as-integrations/fastify";
import DataLoader from "dataloader";
import Fastify from "fastify";
import pg from "pg";
import { makeService, typeDefs } from "../service.js";

const { resolvers, batches } = makeService(pg, process.env);
Object.assign(resolvers, {
  Donation: { project: ({ projectId }, _, { projects }) => projects.load(projectId) },
  Project: { organisations: ({ id }, _, { organisations }) => organisations.load(id) },
  Organisation: { partner: ({ partnerId }, _, { partners }) => partners.load(partnerId) },
});

const app = Fastify({ logger: false });
const server = new ApolloServer({
  typeDefs,
  resolvers,
  introspection: false,
  includeStacktraceInErrorResponses: false,
  plugins: [ApolloServerPluginLandingPageDisabled(), fastifyApolloDrainPlugin(app)],
});
await server.start();
await app.register(fastifyApollo(server), {
  context: async () => ({
    projects: new DataLoader(batches.projects),
    organisations: new DataLoader(batches.organisations),
    partners: new DataLoader(batches.partners),
  }),
});
app.get("/ready", async () => "ready");
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
