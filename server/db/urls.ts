/** Connection strings, one for each role that connects. */
export type Urls = {
  /** May make roles and databases; null where an operator did that by hand. */
  root: string | null;
  owner: string;
  app: string;
  worker: string;
  partner: string;
};

/** The same server and role, another database. */
export function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${encodeURIComponent(database)}`;
  return changed.href;
}

export function databaseOf(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1));
}

/** The same server and database, another role. */
export function withLogin(url: string, user: string, password: string): string {
  const changed = new URL(url);
  changed.username = encodeURIComponent(user);
  changed.password = encodeURIComponent(password);
  return changed.href;
}

/** For messages: where, without who and without the password. */
export function describeUrl(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port || "5432"}/${databaseOf(url)}`;
}

/** All roles of one database, on the same server. */
export function urlsFor(urls: Urls, database: string): Urls {
  return {
    root: urls.root,
    owner: withDatabase(urls.owner, database),
    app: withDatabase(urls.app, database),
    worker: withDatabase(urls.worker, database),
    partner: withDatabase(urls.partner, database),
  };
}
