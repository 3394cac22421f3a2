/** Answers every TCP connection to `ADDRESS PORT…` with "here", and says when it listens. */
const [hostname = "", ...ports] = Deno.args;
for (const port of ports.map(Number)) {
  const listener = Deno.listen({ hostname, port });
  (async () => {
    for await (const connection of listener) {
      await connection.write(new TextEncoder().encode("here")).catch(() => {});
      connection.close();
    }
  })();
}
console.log("listening");
