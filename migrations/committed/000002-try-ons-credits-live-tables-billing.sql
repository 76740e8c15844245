--! Previous: sha1:bd6a06bcc776621f66657ef0baf984c7efb07619
--! Hash: sha1:babface52a997d0ad4387f740dfdf1c149afe78d
--! Message: try-ons, credits, live tables, billing

-- Undo, then do: this file runs again on every save. See CONTRIBUTING.md.

--------------------------------------------------------------------------------
-- Live tables: subscribers are told which rows changed.
--------------------------------------------------------------------------------
--! Included functions/live/announce_changes.sql
-- Live updates: statement triggers tell the server which rows of a table changed
-- and whose they are, never what they say. The server passes that on to those who
-- may know, and they read the rows again under their own policies.
--
-- A transaction that notifies makes other such transactions wait for its commit.
-- So nothing is told unless a server has subscribers of the table: it then holds
-- the advisory lock of the table in shared mode, and a writer that cannot take it
-- exclusively knows that somebody listens. Two writers that probe in the same
-- microsecond take each other for a listener, which costs a needless notification.
drop function if exists app_private.tg__notify_row() cascade;

-- Arguments: the key column ('' when the key has several), the column that names
-- the brand, the column that names the person ('' for none).
create or replace function app_private.tg__announce_changes() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_columns text;
  v_rows text;
  v_change record;
  v_payload text;
begin
  -- One expression, so that nothing can interrupt between lock and unlock.
  if (
    case
      when pg_try_advisory_lock(7264106, hashtext(TG_TABLE_NAME))
        then pg_advisory_unlock(7264106, hashtext(TG_TABLE_NAME))
      else false
    end
  ) then
    return null;
  end if;
  v_columns := format(
    'select %s as key, %s as brand, %s as person from ',
    coalesce(quote_ident(nullif(TG_ARGV[0], '')), 'null') || '::text',
    coalesce(quote_ident(nullif(TG_ARGV[1], '')), 'null') || '::text',
    coalesce(quote_ident(nullif(TG_ARGV[2], '')), 'null') || '::text'
  );
  -- A row that moves from one brand to another concerns both.
  v_rows := case TG_OP
    when 'INSERT' then v_columns || 'new_rows'
    when 'DELETE' then v_columns || 'old_rows'
    else v_columns || 'new_rows union ' || v_columns || 'old_rows'
  end;
  for v_change in execute format(
    'with changed as materialized (%s), scoped as ('
    'select ''brand'' as scope, brand as id, key from changed where brand is not null '
    'union all select ''user'', person, key from changed where person is not null '
    'union all select %L, null, key from changed where brand is null and person is null'
    ') select scope, id, case when count(*) <= 100 and count(key) = count(*) then json_agg(key) end as keys '
    'from scoped group by scope, id',
    v_rows,
    case when TG_ARGV[1] = '' and TG_ARGV[2] = '' then 'all' else 'nobody' end
  ) loop
    v_payload := json_build_object(
      'table', TG_TABLE_NAME, 'scope', v_change.scope, 'id', v_change.id,
      'tenant', TG_ARGV[1] <> '', 'keys', v_change.keys
    );
    -- PostgreSQL takes less than 8,000 bytes.
    if octet_length(v_payload) > 7900 then
      v_payload := json_build_object(
        'table', TG_TABLE_NAME, 'scope', v_change.scope, 'id', v_change.id,
        'tenant', TG_ARGV[1] <> '', 'keys', null
      );
    end if;
    perform pg_notify('app_rows', v_payload);
  end loop;
  return null;
end
$$;
comment on function app_private.tg__announce_changes() is
  'Notifies app_rows, for each brand and person concerned, of the keys one statement changed: null for more than 100. Silent while no server listens.';
revoke execute on function app_private.tg__announce_changes() from public;

drop procedure if exists app_private.announce_changes(text, text, text);
create procedure app_private.announce_changes(target text, brand_column text default '', user_column text default '')
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table regclass := target::regclass;
  v_column text;
  v_key text;
  v_call text;
begin
  foreach v_column in array array[brand_column, user_column] loop
    if v_column <> '' and not exists (
      select 1 from pg_attribute a where a.attrelid = v_table and a.attname = v_column and a.attnum > 0 and not a.attisdropped
    ) then
      raise exception '% has no column %', target, v_column using errcode = 'undefined_column';
    end if;
  end loop;
  select case when i.indnkeyatts = 1 then a.attname::text else '' end into v_key
  from pg_index i
  join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
  where i.indrelid = v_table and i.indisprimary;
  v_call := format(
    'for each statement execute function app_private.tg__announce_changes(%L, %L, %L)',
    coalesce(v_key, ''), brand_column, user_column
  );
  execute format('drop trigger if exists _950_announce_insert on %s', v_table);
  execute format('drop trigger if exists _950_announce_update on %s', v_table);
  execute format('drop trigger if exists _950_announce_delete on %s', v_table);
  execute format('create trigger _950_announce_insert after insert on %s referencing new table as new_rows %s', v_table, v_call);
  execute format(
    'create trigger _950_announce_update after update on %s referencing old table as old_rows new table as new_rows %s',
    v_table, v_call
  );
  execute format('create trigger _950_announce_delete after delete on %s referencing old table as old_rows %s', v_table, v_call);
end
$$;
comment on procedure app_private.announce_changes(text, text, text) is
  'Makes a table live: puts triggers on it that tell subscribers which rows changed. Names the columns that say whose a row is; a table without them concerns everybody who may read it.';
--! EndIncluded functions/live/announce_changes.sql

--------------------------------------------------------------------------------
-- Rules that were missing: files that are named have arrived and stay, staff
-- keeps an admin, an invitation is worth what its inviter may do now, and nobody
-- is offered the products of a brand that is suspended or closed.
--------------------------------------------------------------------------------

--! Included functions/storage/files_in_use.sql
-- A row may name a file, and a file may end: each looks at the other under the
-- lock of the file's row, so that neither a picture that never arrived is shown
-- nor one that is shown deleted.

-- Asks every foreign key that points at the files, so that a table added later
-- protects its files without a line here.
create or replace function app_private.is_file_in_use(key text) returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user record;
  v_found boolean;
begin
  for v_user in
    select c.conrelid::regclass as place, a.attname as named
    from pg_constraint as c
    cross join lateral unnest(c.conkey, c.confkey) as k (own, other)
    join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.own
    join pg_attribute as f on f.attrelid = c.confrelid and f.attnum = k.other and f.attname = 'key'
    where c.contype = 'f' and c.confrelid = 'app_public.storage_objects'::regclass and c.conparentid = 0
      and c.conrelid <> 'app_public.tryon_jobs'::regclass
  loop
    execute format('select exists (select 1 from %s where %I = $1)', v_user.place, v_user.named)
      into v_found using is_file_in_use.key;
    if v_found then
      return true;
    end if;
  end loop;
  -- A try-on keeps saying which pictures it had, but not the pictures: they end
  -- with their retention, except for the selfie of one that waits or runs.
  return exists (
    select 1 from app_public.tryon_jobs as j
    where j.selfie_key = is_file_in_use.key and j.status in ('queued', 'processing')
  );
end
$$;
revoke execute on function app_private.is_file_in_use(text) from public;
comment on function app_private.is_file_in_use(text) is 'Whether any row of any table needs this file.';

create or replace function app_private.tg_storage_objects__not_in_use() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if app_private.is_file_in_use(NEW.key) then
    raise exception 'This file is in use'
      using errcode = 'INUSE', column = 'key', hint = 'Change or remove what shows it first';
  end if;
  return NEW;
end
$$;
revoke execute on function app_private.tg_storage_objects__not_in_use() from public;
comment on function app_private.tg_storage_objects__not_in_use() is 'Refuses to begin deleting a file that a row names (INUSE).';

create or replace trigger _200_not_in_use before update of status on app_public.storage_objects
  for each row when (NEW.status = 'deleting' and OLD.status <> 'deleting')
  execute function app_private.tg_storage_objects__not_in_use();

-- The argument is the column that names the file. After the foreign keys, which
-- say first whether the file is the owner's own: who asks for another's learns
-- nothing here. Only a change of the column asks, so an old row stays editable.
create or replace function app_private.tg__file_arrived() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_column text := TG_ARGV[0];
  v_key text := to_jsonb(NEW) ->> v_column;
  v_status app_public.storage_status;
begin
  if v_key is null or (TG_OP = 'UPDATE' and v_key = to_jsonb(OLD) ->> v_column) then
    return null;
  end if;
  -- The lock makes the clean-up pass this file by, or is waited for while it runs.
  select o.status into v_status from app_public.storage_objects as o where o.key = v_key for share;
  if v_status = 'pending' then
    raise exception 'This picture has not arrived yet'
      using errcode = 'STATE', column = v_column, hint = 'Send the file first, then save';
  elsif v_status is distinct from 'available' then
    raise exception 'This picture has been removed'
      using errcode = 'NTFND', column = v_column, hint = 'Upload it again';
  end if;
  return null;
end
$$;
revoke execute on function app_private.tg__file_arrived() from public;
comment on function app_private.tg__file_arrived() is 'Refuses to name a file whose bytes are not there (STATE), or are being deleted (NTFND).';

create or replace trigger _700_file_arrived after insert or update of image_key on app_public.products
  for each row when (NEW.image_key is not null)
  execute function app_private.tg__file_arrived('image_key');
create or replace trigger _700_file_arrived after insert or update of image_key on app_public.wardrobe_items
  for each row when (NEW.image_key is not null)
  execute function app_private.tg__file_arrived('image_key');
--! EndIncluded functions/storage/files_in_use.sql
--! Included functions/storage/uploads.sql
-- An upload in three steps: the caller, under the caller's policies, makes the
-- row and gets a key; the bytes arrive by a signed link; the server marks the
-- row. Keys are made here, never by a client.

drop function if exists app_hidden.create_upload(app_public.storage_kind, text, bigint);
create function app_hidden.create_upload(kind app_public.storage_kind, content_type text, bytes bigint) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_extension text := case create_upload.content_type
    when 'image/png' then 'png'
    when 'image/jpeg' then 'jpg'
    when 'image/webp' then 'webp'
    when 'image/gif' then 'gif'
  end;
  v_brand_id uuid := app_hidden.current_brand_id();
  v_key text;
begin
  -- SVG is a program that a browser runs: never stored.
  if v_extension is null then
    raise exception 'This kind of file cannot be uploaded'
      using errcode = 'INVAL', column = 'contentType', hint = 'Use a PNG, JPEG, WebP or GIF picture';
  end if;
  if create_upload.kind not in ('garment', 'selfie') then
    raise exception 'Pictures of garments and selfies are uploaded here, nothing else'
      using errcode = 'INVAL', column = 'kind', hint = 'Use garment or selfie';
  end if;
  if create_upload.bytes is null or create_upload.bytes < 1 then
    raise exception 'The file is empty'
      using errcode = 'INVAL', column = 'bytes', hint = 'Choose another file';
  end if;
  -- 122 random bits: a key is not a secret, and still cannot be guessed.
  v_key := create_upload.kind::text || '/' || to_char(now() at time zone 'UTC', 'YYYY/MM') || '/'
    || gen_random_uuid()::text || '.' || v_extension;
  insert into app_public.storage_objects (key, owner_brand_id, owner_user_id, kind, content_type, bytes)
  values (
    v_key, v_brand_id, case when v_brand_id is null then app_hidden.current_user_id() end,
    create_upload.kind, create_upload.content_type, create_upload.bytes
  );
  return v_key;
end
$$;
revoke execute on function app_hidden.create_upload(app_public.storage_kind, text, bigint) from public;
grant execute on function app_hidden.create_upload(app_public.storage_kind, text, bigint) to :ROLE_USER, :ROLE_MANAGER;
comment on function app_hidden.create_upload(app_public.storage_kind, text, bigint) is
  'Registers a picture that is about to be uploaded, for the active brand or else the person, and returns its key.';

drop function if exists app_private.complete_upload(text, bigint, bytea);
create function app_private.complete_upload(key text, bytes bigint, sha256 bytea) returns boolean
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  with done as (
    update app_public.storage_objects as o
    set status = 'available', bytes = complete_upload.bytes, sha256 = complete_upload.sha256,
      -- A selfie nobody tries anything on is not kept for ever: each try-on moves this.
      retention_until = case when o.kind = 'selfie' then now() + interval '30 days' else o.retention_until end
    where o.key = complete_upload.key and o.status = 'pending'
    returning 1
  )
  select exists (select 1 from done)
$$;
revoke execute on function app_private.complete_upload(text, bigint, bytea) from public;
grant execute on function app_private.complete_upload(text, bigint, bytea) to :ROLE_APP;
comment on function app_private.complete_upload(text, bigint, bytea) is
  'Marks a pending file as arrived; false when there is none, so that a key is written once.';

drop function if exists app_private.claim_expired_uploads(integer);
create function app_private.claim_expired_uploads(batch integer) returns setof text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_key text;
  v_claimed integer := 0;
begin
  -- What never arrived, what is past its retention, and what an earlier round
  -- began: the row turns "deleting" first, the bytes go next, the row last. A
  -- crash in between is picked up by the next round. The row is locked before
  -- anybody asks whether it is in use: who names a file locks it, too.
  for v_key in
    select c.key
    from app_public.storage_objects as c
    where (c.status = 'pending' and c.created_at < now() - interval '1 day')
      or (c.status = 'available' and c.retention_until < now())
      or c.status = 'deleting'
    order by c.created_at
    for update skip locked
  loop
    exit when v_claimed >= claim_expired_uploads.batch;
    -- In use, it stays, and does not stand in the way of those behind it.
    continue when app_private.is_file_in_use(v_key);
    update app_public.storage_objects as o set status = 'deleting' where o.key = v_key;
    v_claimed := v_claimed + 1;
    return next v_key;
  end loop;
end
$$;
revoke execute on function app_private.claim_expired_uploads(integer) from public;
grant execute on function app_private.claim_expired_uploads(integer) to :ROLE_WORKER;
comment on function app_private.claim_expired_uploads(integer) is
  'Marks up to so many files that ran out, and that nothing names, as being deleted and returns their keys.';

drop function if exists app_private.forget_upload(text);
create function app_private.forget_upload(key text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- A job keeps saying that it had this picture; the picture itself is gone.
  if exists (select 1 from app_public.tryon_jobs as j where j.selfie_key = forget_upload.key)
    or exists (select 1 from app_public.tryon_jobs as j where j.result_key = forget_upload.key) then
    update app_public.storage_objects as o set status = 'deleted', sha256 = null
    where o.key = forget_upload.key and o.status = 'deleting';
  else
    delete from app_public.storage_objects as o where o.key = forget_upload.key and o.status = 'deleting';
  end if;
end
$$;
revoke execute on function app_private.forget_upload(text) from public;
grant execute on function app_private.forget_upload(text) to :ROLE_WORKER;
comment on function app_private.forget_upload(text) is 'Removes the row of a file whose bytes are gone; where a try-on names it, the row stays as deleted.';
--! EndIncluded functions/storage/uploads.sql
--! Included functions/session/one_admin.sql
-- Staff never loses its last admin: nobody could appoint another without the
-- database's own login. Deferred and lock first, as in one_owner.sql: two admins
-- who remove or demote each other at the same moment wait for each other
-- here, and the second counts with a fresh snapshot. A suspended admin is none;
-- staff cannot suspend staff (tg_users__no_colleague).
create or replace function app_private.tg_staff_members__one_admin() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(hashtext('app_private.one_admin'));
  if not exists (
    select 1
    from app_public.staff_members as s
    join app_public.users as u on u.id = s.user_id and u.status = 'active'
    where s.role = 'admin'
  ) then
    raise exception 'Staff needs at least one active admin'
      using errcode = 'LASTO', column = 'role',
        hint = 'Make another person an admin first';
  end if;
  return null;
end
$$;
revoke execute on function app_private.tg_staff_members__one_admin() from public;
comment on function app_private.tg_staff_members__one_admin() is 'At commit: refuses to leave staff without an active admin (LASTO).';

drop trigger if exists _700_one_admin on app_public.staff_members;
create constraint trigger _700_one_admin
  after update of role or delete on app_public.staff_members
  deferrable initially deferred
  for each row when (OLD.role = 'admin')
  execute function app_private.tg_staff_members__one_admin();
--! EndIncluded functions/session/one_admin.sql
--! Included functions/auth/inviters.sql
-- An invitation is worth what its inviter may do now. It is asked when the link
-- is opened, mailed or used; and where an inviter leaves or is demoted, the open
-- invitations end at once, so that the list shows it.
create or replace function app_private.may_invite(user_id uuid, brand_id uuid, role app_public.brand_role) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select 1
    from app_public.users as u
    where u.id = may_invite.user_id and u.status = 'active'
      and (
        exists (
          select 1 from app_public.brand_members as m
          where m.brand_id = may_invite.brand_id and m.user_id = u.id
            and (m.role = 'owner' or (m.role = 'manager' and may_invite.role < 'manager'))
        )
        -- The first owner of a brand is invited by staff.
        or (
          may_invite.role = 'owner'
          and exists (select 1 from app_public.staff_members as s where s.user_id = u.id)
          and not exists (
            select 1 from app_public.brand_members as o where o.brand_id = may_invite.brand_id and o.role = 'owner'
          )
        )
      )
  )
$$;
revoke execute on function app_private.may_invite(uuid, uuid, app_public.brand_role) from public;
comment on function app_private.may_invite(uuid, uuid, app_public.brand_role) is
  'Whether this person may, at this moment, invite somebody to the brand with this role.';

-- Whoever renews an invitation, or changes its role, answers for it from then on.
create or replace function app_private.tg_brand_invitations__inviter() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if NEW.role <> OLD.role or NEW.expires_at > OLD.expires_at then
    NEW.invited_by := coalesce(app_hidden.current_user_id(), NEW.invited_by);
  end if;
  return NEW;
end
$$;
revoke execute on function app_private.tg_brand_invitations__inviter() from public;
comment on function app_private.tg_brand_invitations__inviter() is 'Makes whoever renews or changes an invitation its inviter.';

create or replace trigger _500_inviter before update of role, expires_at on app_public.brand_invitations
  for each row execute function app_private.tg_brand_invitations__inviter();

create or replace function app_private.tg_brand_members__end_invitations() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.brand_invitations as i
  set expires_at = now()
  where i.brand_id = OLD.brand_id
    and i.invited_by = OLD.user_id
    and i.accepted_at is null
    and i.expires_at > now()
    and not app_private.may_invite(i.invited_by, i.brand_id, i.role);
  return null;
end
$$;
revoke execute on function app_private.tg_brand_members__end_invitations() from public;
comment on function app_private.tg_brand_members__end_invitations() is
  'Ends the open invitations that a member who left or was demoted could not send any more.';

create or replace trigger _500_end_invitations_update after update of role on app_public.brand_members
  for each row when (NEW.role < OLD.role)
  execute function app_private.tg_brand_members__end_invitations();
create or replace trigger _500_end_invitations_delete after delete on app_public.brand_members
  for each row execute function app_private.tg_brand_members__end_invitations();
--! EndIncluded functions/auth/inviters.sql
--! Included functions/auth/invitations.sql
-- Inviting runs as the member: policies decide who may invite whom. Only the
-- one-time link needs more rights, and takes them for one invitation the caller
-- could have made.

drop function if exists app_private.hand_out_invitation(uuid);
create function app_private.hand_out_invitation(invitation_id uuid) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token text;
begin
  -- With a mail server the link goes to the invited address alone, made when
  -- the mail is sent. Without one, the inviter copies it.
  if app_private.mail_delivers() then
    perform app_private.enqueue_job(
      'send_invitation', json_build_object('invitationId', hand_out_invitation.invitation_id),
      'send_invitation:' || hand_out_invitation.invitation_id
    );
    return null;
  end if;
  v_token := app_private.random_token();
  insert into app_private.invitation_secrets as s (invitation_id, token_hash)
  values (hand_out_invitation.invitation_id, app_private.token_hash(v_token))
  on conflict on constraint invitation_secrets_pkey do update set token_hash = excluded.token_hash;
  return v_token;
end
$$;
revoke execute on function app_private.hand_out_invitation(uuid) from public;
comment on function app_private.hand_out_invitation(uuid) is
  'Queues the mail of an invitation, or returns a new one-time token where no mail leaves; the caller has checked who asks.';

drop function if exists app_hidden.issue_invitation_token(uuid);
create function app_hidden.issue_invitation_token(invitation_id uuid) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_invitation app_public.brand_invitations;
begin
  select i.* into v_invitation
  from app_public.brand_invitations as i
  where i.id = issue_invitation_token.invitation_id
    and i.brand_id = app_hidden.current_brand_id()
    and i.accepted_at is null
    and (
      app_hidden.current_request_role() = ':ROLE_BRAND_OWNER'
      or (app_hidden.current_request_role() = ':ROLE_MANAGER' and i.role < 'manager')
    );
  if not found then
    raise exception 'There is no such invitation'
      using errcode = 'NTFND', hint = 'It may have been accepted or taken back';
  end if;
  if exists (
    select 1
    from app_public.brand_members as m
    join app_public.users as u on u.id = m.user_id
    where m.brand_id = v_invitation.brand_id and u.email = v_invitation.email
  ) then
    raise exception 'This person is a member already'
      using errcode = 'TAKEN', column = 'email', hint = 'Change the role in the list of members';
  end if;

  return app_private.hand_out_invitation(v_invitation.id);
end
$$;
revoke execute on function app_hidden.issue_invitation_token(uuid) from public;
grant execute on function app_hidden.issue_invitation_token(uuid) to :ROLE_MANAGER;
comment on function app_hidden.issue_invitation_token(uuid) is
  'Queues the mail of an invitation, or returns its one-time token where no mail leaves; earlier links stop working.';

drop function if exists app_public.invite_member(text, app_public.brand_role);
create function app_public.invite_member(
  email text,
  role app_public.brand_role,
  out invitation_id uuid,
  out token text
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app_public.brand_invitations as i (brand_id, email, role, invited_by)
  values (
    app_hidden.current_brand_id(), lower(btrim(invite_member.email)), invite_member.role, app_hidden.current_user_id()
  )
  returning i.id into invitation_id;
  token := app_hidden.issue_invitation_token(invitation_id);
end
$$;
revoke execute on function app_public.invite_member(text, app_public.brand_role) from public;
grant execute on function app_public.invite_member(text, app_public.brand_role) to :ROLE_MANAGER;
comment on function app_public.invite_member(text, app_public.brand_role) is
  'Invites an address to the active brand for 7 days. Managers invite viewers and analysts, owners anyone. The token belongs to /admin/accept-invite#token=… and is shown once; it is null when a mail was sent instead.';

-- The first owner of a new brand has nobody in it to invite them: staff does.
-- Only while there is no owner, so that staff cannot add people to a brand at work.
drop function if exists app_public.invite_owner(uuid, text);
create function app_public.invite_owner(
  brand_id uuid,
  email text,
  out invitation_id uuid,
  out token text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_status app_public.brand_status;
begin
  -- A definer function checks its caller itself: the grant says which role, this
  -- says that the person still holds it.
  if not exists (
    select 1 from app_public.staff_members s
    join app_public.users u on u.id = s.user_id and u.status = 'active'
    where s.user_id = app_hidden.current_user_id()
  ) then
    raise exception 'You may not invite owners'
      using errcode = 'DNIED', hint = 'Ask a member of staff';
  end if;
  -- Two invitations at once to one brand wait for each other here.
  select b.status into v_status from app_public.brand_accounts b where b.id = invite_owner.brand_id for update;
  if not found then
    raise exception 'There is no such brand' using errcode = 'NTFND', column = 'brand_id', hint = 'Choose one from the list of brands';
  end if;
  if v_status not in ('onboarding', 'active') then
    raise exception 'This brand is suspended or closed'
      using errcode = 'STATE', column = 'brand_id', hint = 'Set it back to onboarding first';
  end if;
  if exists (select 1 from app_public.brand_members m where m.brand_id = invite_owner.brand_id and m.role = 'owner') then
    raise exception 'This brand has an owner, who invites everybody else'
      using errcode = 'STATE', column = 'brand_id', hint = 'Ask an owner of the brand';
  end if;
  -- Asked again for the same address: a new link, and the old one ends.
  insert into app_public.brand_invitations as i (brand_id, email, role, invited_by)
  values (invite_owner.brand_id, lower(btrim(invite_owner.email)), 'owner', app_hidden.current_user_id())
  on conflict (brand_id, email) where accepted_at is null do update
    set role = 'owner', expires_at = now() + interval '7 days', invited_by = excluded.invited_by
  returning i.id into invitation_id;
  token := app_private.hand_out_invitation(invitation_id);
end
$$;
revoke execute on function app_public.invite_owner(uuid, text) from public;
grant execute on function app_public.invite_owner(uuid, text) to :ROLE_STAFF;
comment on function app_public.invite_owner(uuid, text) is
  'Invites the first owner of a brand, for 7 days; for staff, and only while the brand has no owner. The token belongs to /admin/accept-invite#token=… and is shown once; it is null when a mail was sent instead. DNIED, NTFND, STATE, INVAL.';

drop function if exists app_public.renew_invitation(uuid);
create function app_public.renew_invitation(
  invitation_id uuid,
  out token text
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.brand_invitations as i
  set expires_at = now() + interval '7 days'
  where i.id = renew_invitation.invitation_id and i.accepted_at is null;
  if not found then
    raise exception 'There is no such invitation'
      using errcode = 'NTFND', hint = 'It may have been accepted or taken back';
  end if;
  token := app_hidden.issue_invitation_token(renew_invitation.invitation_id);
end
$$;
revoke execute on function app_public.renew_invitation(uuid) from public;
grant execute on function app_public.renew_invitation(uuid) to :ROLE_MANAGER;
comment on function app_public.renew_invitation(uuid) is
  'Makes a new link of a pending invitation, good for 7 days, and ends the old one. The token is null when a mail was sent instead.';

drop function if exists app_private.issue_invitation(uuid, bytea);
create function app_private.issue_invitation(invitation_id uuid, token_hash bytea)
returns table (email text, brand_name text, role text, inviter_name text)
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  with pending as (
    select i.id, i.email, i.role, i.brand_id, i.invited_by
    from app_public.brand_invitations as i
    where i.id = issue_invitation.invitation_id and i.accepted_at is null and i.expires_at > now()
      and app_private.may_invite(i.invited_by, i.brand_id, i.role)
  ), secret as (
    insert into app_private.invitation_secrets (invitation_id, token_hash)
    select p.id, issue_invitation.token_hash from pending as p
    on conflict on constraint invitation_secrets_pkey do update set token_hash = excluded.token_hash
  )
  select p.email, b.name, p.role::text, u.display_name
  from pending as p
  join app_public.brand_accounts as b on b.id = p.brand_id
  left join app_public.users as u on u.id = p.invited_by
$$;
revoke execute on function app_private.issue_invitation(uuid, bytea) from public;
grant execute on function app_private.issue_invitation(uuid, bytea) to :ROLE_WORKER;
comment on function app_private.issue_invitation(uuid, bytea) is
  'Stores the hash of a new token of a pending invitation and says what the mail needs; no row when it is gone.';

drop function if exists app_private.pending_invitation(bytea);
create function app_private.pending_invitation(token_hash bytea)
returns table (invitation_id uuid, brand_id uuid, brand_name text, email text, role app_public.brand_role, invited_by uuid, user_id uuid)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select i.id, i.brand_id, b.name, i.email, i.role, i.invited_by, u.id
  from app_private.invitation_secrets as s
  join app_public.brand_invitations as i on i.id = s.invitation_id
  join app_public.brand_accounts as b on b.id = i.brand_id and b.status in ('onboarding', 'active')
  left join app_public.users as u on u.email = i.email
  where s.token_hash = pending_invitation.token_hash
    and i.accepted_at is null
    and i.expires_at > now()
    -- The inviter may have left, or lost the right, since.
    and app_private.may_invite(i.invited_by, i.brand_id, i.role)
    -- An address whose person is suspended or erased cannot come in this way.
    and (u.id is null or u.status = 'active')
$$;
revoke execute on function app_private.pending_invitation(bytea) from public;
grant execute on function app_private.pending_invitation(bytea) to :ROLE_APP;
comment on function app_private.pending_invitation(bytea) is 'What the holder of an invitation link is invited to; no row when it is used, taken back or too old.';

drop function if exists app_private.accept_invitation(bytea, bytea, text, text, bytea);
create function app_private.accept_invitation(
  token_hash bytea, session_hash bytea, display_name text, password text, new_session_hash bytea
) returns table (user_id uuid, brand_id uuid)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_pending record;
  v_user_id uuid;
begin
  -- The row lock lets one of two simultaneous acceptances through.
  perform 1
  from app_private.invitation_secrets as s
  where s.token_hash = accept_invitation.token_hash
  for update;
  select p.* into v_pending from app_private.pending_invitation(accept_invitation.token_hash) as p;
  if v_pending.invitation_id is null then
    raise exception 'This invitation has been used, taken back or has expired'
      using errcode = 'EXPRD', hint = 'Ask the person who invited you for a new link';
  end if;

  v_user_id := v_pending.user_id;
  if v_user_id is not null then
    -- The link alone is no proof of being the person: it may have been copied
    -- by the inviter.
    if not exists (
      select 1 from app_private.valid_session(accept_invitation.session_hash) as s where s.user_id = v_user_id
    ) then
      raise exception 'Sign in as % to accept this invitation', v_pending.email
        using errcode = 'LOGIN', hint = 'Then open the link again';
    end if;
  else
    perform app_private.assert_new_password(accept_invitation.password, v_pending.email);
    insert into app_public.users as u (email, display_name)
    values (v_pending.email, coalesce(btrim(accept_invitation.display_name), ''))
    returning u.id into v_user_id;
    perform app_private.store_password(v_user_id, accept_invitation.password);
  end if;

  -- From here on the audit trail names the person who accepted.
  perform set_config('app.user_id', v_user_id::text, true);
  insert into app_public.brand_members as m (brand_id, user_id, role, invited_by)
  values (v_pending.brand_id, v_user_id, v_pending.role, v_pending.invited_by)
  on conflict on constraint brand_members_pkey do nothing;
  update app_public.brand_invitations as i set accepted_at = now() where i.id = v_pending.invitation_id;
  delete from app_private.invitation_secrets as s where s.invitation_id = v_pending.invitation_id;

  update app_private.sessions as s set revoked_at = now()
  where s.token_hash = accept_invitation.session_hash and s.revoked_at is null;
  perform app_private.open_session(v_user_id, accept_invitation.new_session_hash, v_pending.brand_id);
  return query select v_user_id, v_pending.brand_id;
end
$$;
revoke execute on function app_private.accept_invitation(bytea, bytea, text, text, bytea) from public;
grant execute on function app_private.accept_invitation(bytea, bytea, text, text, bytea) to :ROLE_APP;
comment on function app_private.accept_invitation(bytea, bytea, text, text, bytea) is
  'Makes the invited person a member, with a new account where the address has none, and opens a session in the brand. EXPRD, LOGIN, INVAL.';
--! EndIncluded functions/auth/invitations.sql
--! Included functions/session/withdrawn_brand_ids.sql
-- Shoppers and visitors cannot read brand_accounts; this tells them nothing but
-- which catalogues are closed at the moment.
create or replace function app_hidden.withdrawn_brand_ids() returns setof uuid
language sql stable security definer parallel safe rows 20
set search_path = pg_catalog, pg_temp
as $$
  select b.id from app_public.brand_accounts as b where b.status in ('suspended', 'closed')
$$;
revoke execute on function app_hidden.withdrawn_brand_ids() from public;
grant execute on function app_hidden.withdrawn_brand_ids() to :ROLE_ANONYMOUS, :ROLE_USER;
comment on function app_hidden.withdrawn_brand_ids() is 'Brands whose products nobody is offered: suspended or closed.';
--! EndIncluded functions/session/withdrawn_brand_ids.sql
--! Included policies/products.sql
-- Anybody sees active products, except those of a brand that is suspended or
-- closed: these few brands are looked up once per statement and compared as a
-- hash, so a row costs one probe however many brands there are. A brand sees all
-- of its own and its managers write them; staff and the worker read all. The
-- brand and the SKU of a product are its identity: the brand cannot be changed
-- at all.
call app_private.close_table('app_public.products');

create policy fence_brand on app_public.products as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_active on app_public.products for select to :ROLE_ANONYMOUS, :ROLE_USER
  using (active and brand_id not in (select app_hidden.withdrawn_brand_ids()));
create policy select_brand on app_public.products for select to :ROLE_VIEWER using (true);
create policy insert_brand on app_public.products for insert to :ROLE_MANAGER with check (true);
create policy update_brand on app_public.products for update to :ROLE_MANAGER using (true) with check (true);
create policy delete_brand on app_public.products for delete to :ROLE_MANAGER using (true);
create policy select_staff on app_public.products for select to :ROLE_STAFF using (true);
create policy select_worker on app_public.products for select to :ROLE_WORKER using (true);

grant select on app_public.products to :ROLE_ANONYMOUS, :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF, :ROLE_WORKER;
grant insert (
  brand_id, sku, name, category_code, brand_label, gender, color, season, year, usage, tags,
  price_minor, currency, image_key, active
) on app_public.products to :ROLE_MANAGER;
grant update (
  sku, name, category_code, brand_label, gender, color, season, year, usage, tags,
  price_minor, currency, image_key, active, updated_at
) on app_public.products to :ROLE_MANAGER;
grant delete on app_public.products to :ROLE_MANAGER;
--! EndIncluded policies/products.sql

-- Selfies that arrived before had no end unless something was tried on with them.
update app_public.storage_objects as o
set retention_until = now() + interval '30 days'
where o.kind = 'selfie' and o.status = 'available' and o.retention_until is null;

-- Links that were open when their inviter left end with this migration. A few
-- rows at most: an invitation is open for seven days.
update app_public.brand_invitations as i
set expires_at = now()
where i.accepted_at is null and i.expires_at > now()
  and not app_private.may_invite(i.invited_by, i.brand_id, i.role);

--------------------------------------------------------------------------------
-- Similar items of a wardrobe. The length of a vector gets bounds: its direction
-- is what counts, and beyond them its numbers do not fit the half precision of
-- an index. The bounds hold with and without the extension "vector", so that no
-- row stands in the way of installing it.
--
-- The check of the numbers let an empty array through: what it asked of one was
-- null, and null is no refusal.
--------------------------------------------------------------------------------

alter table app_public.item_embeddings drop constraint if exists item_embeddings_embedding_check;
alter table app_public.item_embeddings add constraint item_embeddings_embedding_check check (
  cardinality(embedding) = 768 and array_ndims(embedding) = 1
  and array_position(embedding, null) is null
  and array_position(embedding, 'NaN') is null
  and array_position(embedding, 'Infinity') is null
  and array_position(embedding, '-Infinity') is null
  and embedding <> array_fill(0::real, '{768}')
);
comment on constraint item_embeddings_embedding_check on app_public.item_embeddings is
  $$@error INVAL embedding A vector has 768 finite numbers, not all zero.$$;

alter table app_public.item_embeddings drop constraint if exists item_embeddings_length_check;
alter table app_public.item_embeddings add constraint item_embeddings_length_check
  check (app_private.vector_norm(embedding) between 0.01 and 60000);
comment on constraint item_embeddings_length_check on app_public.item_embeddings is
  $$@error INVAL embedding The length of a vector lies between 0.01 and 60,000.$$;

--! Included functions/search/similar_items.sql
-- What in the caller's own wardrobe looks like one of its items, by the cosine
-- of their vectors. Everything here runs as the caller: policies show nobody
-- another person's items, and the conditions on the owner repeat it for the
-- planner's sake.
--
-- The answer is the same with the extension "vector" and without: its index
-- (vector_index.sql) only proposes candidates, and nearest_items() measures and
-- orders them.
drop function if exists app_public.similar_items(uuid, integer);
drop function if exists app_hidden.nearest_items(uuid, uuid[], integer);
drop type if exists app_public.similar_item;

create type app_public.similar_item as (
  item_id uuid,
  distance double precision
);
comment on type app_public.similar_item is $$
@foreignKey (item_id) references app_public.wardrobe_items (id)|@fieldName item
An item of the caller's wardrobe, and how far from the one asked about.$$;
comment on column app_public.similar_item.item_id is '@notNull';
comment on column app_public.similar_item.distance is $$
@notNull
Cosine distance, from 0 (the same direction) to 2 (the opposite one).$$;

-- The exact path. In double precision and rounded to nine digits, so that vectors
-- of one direction are at one distance, whatever their length, and the id decides.
create function app_hidden.nearest_items(item_id uuid, candidates uuid[], first integer)
returns setof app_public.similar_item
language sql stable
set search_path = pg_catalog, pg_temp
-- Plans made for one item's id were half as fast as the general one (tried).
set plan_cache_mode = force_generic_plan
as $$
  select e.item_id, round(greatest(0, least(2, 1 - m.dot / (o.length * sqrt(m.square))))::numeric, 9)::double precision as distance
  from (
    -- The joined array is one in memory: the stored one would be fetched and unpacked
    -- again for every row beside it.
    select i.item_id, i.user_id, i.model, i.embedding || '{}'::real[] as embedding, (select sqrt(sum(x::double precision * x)) from unnest(i.embedding) as x) as length
    from app_public.item_embeddings i
    where i.item_id = nearest_items.item_id
    -- Kept apart, so that it is measured once.
    offset 0
  ) o
  join app_public.item_embeddings e
    on e.user_id = o.user_id and e.model = o.model and e.item_id <> o.item_id
  join app_public.wardrobe_items w on w.id = e.item_id and w.deleted_at is null
  cross join lateral (
    select sum(p.x * p.y) as dot, sum(p.y * p.y) as square
    from (select unnest(o.embedding)::double precision as x, unnest(e.embedding)::double precision as y) p
  ) m
  where candidates is null or e.item_id = any (candidates)
  order by distance, e.item_id
  limit first
$$;
comment on function app_hidden.nearest_items(uuid, uuid[], integer) is
  'The nearest of the caller''s items among the candidates, or among all where these are null; by the exact cosine.';
revoke execute on function app_hidden.nearest_items(uuid, uuid[], integer) from public;
grant execute on function app_hidden.nearest_items(uuid, uuid[], integer) to :ROLE_USER;

create function app_public.similar_items(item_id uuid, first integer default 12) returns app_public.similar_item[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_of app_public.item_embeddings;
  v_found app_public.similar_item[];
begin
  if first is null or first not between 1 and 100 then
    raise exception 'Ask for 1 to 100 similar items'
      using errcode = 'INVAL', column = 'first', hint = 'Leave it out for 12';
  end if;
  -- Another person's item, one that was taken out and one that never was read alike.
  if not exists (
    select from app_public.wardrobe_items w
    where w.id = similar_items.item_id and w.deleted_at is null
  ) then
    raise exception 'There is no such item in your wardrobe'
      using errcode = 'NTFND', column = 'item_id', hint = 'Go back to your wardrobe';
  end if;
  select e.* into v_of from app_public.item_embeddings e where e.item_id = similar_items.item_id;
  if v_of.item_id is null then
    raise exception 'This item has no vector yet, so nothing can be compared with it'
      using errcode = 'STATE', column = 'item_id', hint = 'Try again once its picture has been looked at';
  end if;

  -- vector_index.sql made it where the extension is; it goes with the extension.
  if to_regprocedure('app_hidden.nearest_by_index(uuid, uuid, text, real[], integer)') is not null then
    -- More than asked for: the index knows the numbers to three digits only, and
    -- does not know what was taken out of the wardrobe.
    v_found := array(
      select n from app_hidden.nearest_items(
        v_of.item_id,
        array(select app_hidden.nearest_by_index(v_of.user_id, v_of.item_id, v_of.model, v_of.embedding, 4 * first)),
        first
      ) n
      order by n.distance, n.item_id
    );
  end if;
  -- Fewer than asked for: there are no more, or the scan of the index gave up after
  -- thousands of other people's items.
  if v_found is null or cardinality(v_found) < first then
    v_found := array(
      select n from app_hidden.nearest_items(v_of.item_id, null, first) n
      order by n.distance, n.item_id
    );
  end if;
  return v_found;
end
$$;
comment on function app_public.similar_items(uuid, integer) is
  'The caller''s own items that look most like one of them, nearest first: 1 to 100, 12 by default. Only items whose vectors come from the same model are compared. INVAL, NTFND, STATE (the item has no vector yet).';
revoke execute on function app_public.similar_items(uuid, integer) from public;
grant execute on function app_public.similar_items(uuid, integer) to :ROLE_USER;
--! EndIncluded functions/search/similar_items.sql
--! Included functions/search/vector_index.sql
-- The index behind similar_items(), where the extension "vector" can be had. A
-- migration calls prepare_similarity(); whoever installs the extension later
-- calls it again. It is safe to repeat, and never fails for want of a right:
-- without the index the exact path answers.
drop procedure if exists app_private.prepare_similarity();

create procedure app_private.prepare_similarity()
language plpgsql
set search_path = pg_catalog, pg_temp
as $procedure$
declare
  v_schema text;
  v_version integer[];
  v_function regprocedure;
begin
  if not exists (select from pg_available_extensions where name = 'vector')
    and not exists (select from pg_extension where extname = 'vector')
  then
    return;
  end if;
  begin
    create extension if not exists vector schema app_extensions;
    -- What this role makes is for nobody until it is granted, and whoever writes a
    -- vector runs the functions of its index.
    for v_function in
      select p.oid::regprocedure
      from pg_depend d join pg_extension e on e.oid = d.refobjid join pg_proc p on p.oid = d.objid
      where d.classid = 'pg_proc'::regclass and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
        and e.extname = 'vector' and p.prokind = 'f'
        and not (has_function_privilege(':ROLE_USER', p.oid, 'execute') and has_function_privilege(':ROLE_WORKER', p.oid, 'execute'))
    loop
      execute format('grant execute on function %s to :ROLE_USER, :ROLE_WORKER', v_function);
    end loop;
  exception when insufficient_privilege then
    raise notice 'The extension "vector" is available, but % may not create it or grant its use: similar items are found without an index', current_user;
    return;
  end;
  -- Where a provider put it: it may have been there before us.
  select quote_ident(n.nspname), string_to_array(substring(e.extversion from '^[0-9.]+'), '.')::integer[]
  into v_schema, v_version
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace
  where e.extname = 'vector';
  if v_version < '{0,7}' then
    raise notice 'The extension "vector" is older than 0.7: similar items are found without an index';
    return;
  end if;

  -- Half the bytes of a vector, and its directions to three digits. Building it
  -- holds up writers: on a large table make it beforehand, concurrently.
  execute replace($sql$
    create index if not exists item_embeddings_embedding_idx on app_public.item_embeddings
      using hnsw ((embedding::EXT.halfvec(768)) EXT.halfvec_cosine_ops) with (m = 16, ef_construction = 64)
  $sql$, 'EXT', v_schema);

  -- "begin atomic" binds it to the extension: roles of requests need no usage on
  -- the extension's schema, and dropping the extension drops it too.
  --
  -- Filters run after the scan of the index: without going on (from 0.8), or else a
  -- wide scan, a person whose items are few among many would get none. And the
  -- planner believes that measuring 768 numbers costs no more than comparing two.
  drop function if exists app_hidden.nearest_by_index(uuid, uuid, text, real[], integer);
  execute replace(replace($sql$
    create function app_hidden.nearest_by_index(owner uuid, item_id uuid, model text, embedding real[], candidates integer)
    returns setof uuid
    language sql stable
    set search_path = pg_catalog, pg_temp
    set cpu_operator_cost = 0.25
    set SCAN
    begin atomic
      select e.item_id
      from app_public.item_embeddings e
      where e.user_id = $1 and e.item_id <> $2 and e.model = $3
      order by e.embedding::EXT.halfvec(768) operator(EXT.<=>) $4::EXT.halfvec(768)
      limit $5;
    end
  $sql$, 'EXT', v_schema), 'SCAN', case when v_version >= '{0,8}'
    then 'hnsw.iterative_scan = strict_order' else 'hnsw.ef_search = 400' end);
  comment on function app_hidden.nearest_by_index(uuid, uuid, text, real[], integer) is
    'Candidates for similar_items(), by the index; the order is only nearly right.';
  revoke execute on function app_hidden.nearest_by_index(uuid, uuid, text, real[], integer) from public;
  grant execute on function app_hidden.nearest_by_index(uuid, uuid, text, real[], integer) to :ROLE_USER;
end
$procedure$;
comment on procedure app_private.prepare_similarity() is
  'Makes the index behind similar_items() where the extension "vector" is available; repeat it after installing that extension.';
revoke execute on procedure app_private.prepare_similarity() from public;
--! EndIncluded functions/search/vector_index.sql

call app_private.prepare_similarity();

--------------------------------------------------------------------------------
-- 5030 Imports of a person. A run belongs to one brand or to one person, and so
-- do its file, what it refused and the run it tries again: of the two keys of
-- each pair exactly one is in force, because exactly one owner is not null.
--------------------------------------------------------------------------------

alter table app_public.import_refusals drop constraint if exists import_refusals_run_id_user_id_fkey;
alter table app_public.import_refusals drop constraint if exists import_refusals_owner_check;
alter table app_public.import_runs drop constraint if exists import_runs_storage_key_user_id_fkey;
alter table app_public.import_runs drop constraint if exists import_runs_rerun_of_user_id_fkey;
alter table app_public.import_runs drop constraint if exists import_runs_user_id_fkey;
alter table app_public.import_runs drop constraint if exists import_runs_id_user_id_key;
alter table app_public.import_runs drop constraint if exists import_runs_owner_check;
alter table app_public.import_runs drop constraint if exists import_runs_requested_role_check;
alter table app_public.import_runs drop constraint if exists import_runs_catalogue_check;

-- Columns are added, not made anew: a run of a person has no other owner to fall
-- back to. Both tables are small, a few rows for each file ever imported and one
-- for each refused line; the new keys have only nulls to look at.
alter table app_public.import_runs add column if not exists user_id uuid;
alter table app_public.import_runs add column if not exists requested_role text;
alter table app_public.import_runs alter column brand_id drop not null;
alter table app_public.import_refusals add column if not exists user_id uuid;
alter table app_public.import_refusals alter column brand_id drop not null;

alter table app_public.import_runs
  add constraint import_runs_user_id_fkey foreign key (user_id) references app_public.users (id) on delete restrict,
  add constraint import_runs_owner_check check (num_nonnulls(brand_id, user_id) = 1),
  -- A brand's run takes the role its member has at the moment; a person's keeps
  -- the role it was asked for in, or it would run with rights nobody asked with.
  add constraint import_runs_requested_role_check check (
    case when user_id is null then requested_role is null
    else requested_role is not null and requested_role in (
      ':ROLE_USER', ':ROLE_STAFF_SUPPORT', ':ROLE_STAFF_FINANCE', ':ROLE_STAFF_PRIVACY', ':ROLE_STAFF_ADMIN'
    ) end
  ),
  add constraint import_runs_catalogue_check check (method = 'table' or brand_id is not null),
  add constraint import_runs_id_user_id_key unique (id, user_id),
  add constraint import_runs_storage_key_user_id_fkey foreign key (storage_key, user_id)
    references app_public.storage_objects (key, owner_user_id) on delete restrict,
  add constraint import_runs_rerun_of_user_id_fkey foreign key (rerun_of, user_id)
    references app_public.import_runs (id, user_id) on delete restrict;
alter table app_public.import_refusals
  add constraint import_refusals_owner_check check (num_nonnulls(brand_id, user_id) = 1),
  add constraint import_refusals_run_id_user_id_fkey foreign key (run_id, user_id)
    references app_public.import_runs (id, user_id) on delete cascade;

create index if not exists import_runs_user_id_created_at_idx on app_public.import_runs (user_id, created_at desc, id);
create index if not exists import_runs_storage_key_user_id_idx on app_public.import_runs (storage_key, user_id);
create index if not exists import_runs_rerun_of_user_id_idx on app_public.import_runs (rerun_of, user_id);
create index if not exists import_refusals_run_id_user_id_idx on app_public.import_refusals (run_id, user_id);
create index if not exists import_refusals_user_id_idx on app_public.import_refusals (user_id);

comment on table app_public.import_runs is $$
@behavior -insert -update -delete
One file that a brand or a person imported, or is importing: where it stands and what became of its rows. processed = created + updated + unchanged + refused.$$;
comment on column app_public.import_runs.user_id is 'Whose import it is, where it is of no brand.';
comment on column app_public.import_runs.requested_role is 'The role a person''s import runs in, and in no other; null for a brand, whose member''s role of the moment counts.';
comment on column app_public.import_runs.dry_run is 'When true, rows were checked and counted, and nothing was kept.';
comment on constraint import_runs_user_id_fkey on app_public.import_runs is $$
@error NTFND user_id There is no such person.
@fieldName owner
@foreignFieldName ownImportRuns$$;
comment on constraint import_runs_storage_key_user_id_fkey on app_public.import_runs is $$
@error NTFND storage_key The file of this import is gone.
@fieldName ownFile
@foreignFieldName ownImportRuns$$;
comment on constraint import_runs_rerun_of_user_id_fkey on app_public.import_runs is $$
@error NTFND rerun_of There is no such import.
@fieldName ownOriginalRun
@foreignFieldName ownReruns$$;
comment on constraint import_runs_owner_check on app_public.import_runs is '@error INVAL user_id An import is of a brand or of a person.';
comment on constraint import_runs_requested_role_check on app_public.import_runs is '@error INVAL requested_role A person imports in a role of their own.';
comment on constraint import_runs_catalogue_check on app_public.import_runs is '@error INVAL method A catalogue is imported for a brand.';
comment on constraint import_runs_id_user_id_key on app_public.import_runs is '@error TAKEN id A record with this id already exists.';
comment on constraint import_refusals_owner_check on app_public.import_refusals is '@error INVAL user_id A refused line is of a brand or of a person.';
comment on constraint import_refusals_run_id_user_id_fkey on app_public.import_refusals is $$
@error NTFND run_id There is no such import.
@fieldName ownRun
@foreignFieldName ownRefusals$$;

--! Included functions/import/owner.sql
-- Whose an import is: a brand's, whichever of its managers asks, or one
-- person's own. Functions of the import ask here before they touch a run; they
-- run with the owner's rights, so nothing else would hold them back.

drop function if exists app_private.owns_import(app_public.import_runs);
drop function if exists app_private.import_owner();
drop function if exists app_private.personal_role(uuid);

create function app_private.personal_role(person_id uuid) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case s.role
    when 'support' then ':ROLE_STAFF_SUPPORT'
    when 'finance' then ':ROLE_STAFF_FINANCE'
    when 'privacy' then ':ROLE_STAFF_PRIVACY'
    when 'admin' then ':ROLE_STAFF_ADMIN'
    else ':ROLE_USER'
  end
  from app_public.users u
  left join app_public.staff_members s on s.user_id = u.id
  where u.id = personal_role.person_id and u.status = 'active'
$$;
comment on function app_private.personal_role(uuid) is 'The role a person has at this moment outside any brand; null for whoever is not active.';
revoke execute on function app_private.personal_role(uuid) from public;

-- Exactly one of brand and person, or neither: who claims a role that is not
-- theirs, or is theirs no longer, owns nothing.
create function app_private.import_owner(out brand_id uuid, out user_id uuid, out role_name text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  -- The setting is the caller's role, also inside a definer function.
  role_name := current_setting('role', true);
  if role_name in (':ROLE_MANAGER', ':ROLE_BRAND_OWNER') then
    brand_id := app_hidden.current_brand_id();
  elsif app_private.personal_role(app_hidden.current_user_id()) = role_name then
    user_id := app_hidden.current_user_id();
  end if;
end
$$;
comment on function app_private.import_owner() is 'For whom the caller may import: the active brand of a manager, or the caller in the very role of the request.';
revoke execute on function app_private.import_owner() from public;

-- What somebody imported as staff is not theirs to touch as a shopper, nor the
-- other way round.
create function app_private.owns_import(run app_public.import_runs) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    run.brand_id = o.brand_id
    or (run.user_id = o.user_id and (run.requested_role = ':ROLE_USER') = (o.role_name = ':ROLE_USER')),
    false
  )
  from app_private.import_owner() o
$$;
comment on function app_private.owns_import(app_public.import_runs) is 'Whether the caller may steer this run.';
revoke execute on function app_private.owns_import(app_public.import_runs) from public;
--! EndIncluded functions/import/owner.sql
--! Included functions/import/runs.sql
-- What a person does with an import: upload registers it, then start, cancel,
-- resume, run the refused rows again, say what a label means. A run is changed
-- by these functions only: its file, counts and state cannot be written by hand.
-- They are definer functions and therefore check the caller themselves, through
-- import_owner(), which is nobody for whoever has no such role right now.

drop function if exists app_public.start_import(uuid, jsonb, boolean);
drop function if exists app_public.start_import(uuid, jsonb, boolean, text);
drop function if exists app_public.cancel_import(uuid);
drop function if exists app_public.resume_import(uuid);
drop function if exists app_public.rerun_refused(uuid);
drop function if exists app_public.set_category_mapping(text, text);
drop function if exists app_public.import_runs_unmapped_labels(app_public.import_runs);
drop function if exists app_hidden.register_import(uuid, text, bigint, bytea, text, text, text[], jsonb);
drop function if exists app_hidden.register_import(uuid, text, bigint, bytea, text, text, text[], jsonb, text, text);
drop function if exists app_hidden.assert_may_import();
drop function if exists app_hidden.assert_may_import(text);
drop function if exists app_hidden.import_with_file(uuid);
drop function if exists app_private.assert_importable(text, text);
drop function if exists app_private.own_import_run(uuid);
drop function if exists app_private.checked_import_mapping(text[], jsonb);
drop function if exists app_private.import_file_key(uuid, uuid);
drop function if exists app_private.queue_import_run(uuid);
drop function if exists app_private.import_run_lock(uuid);

create function app_private.import_file_key(owner_id uuid, run_id uuid) returns text
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$ select 'imports/' || owner_id || '/' || run_id || '.csv' $$;
comment on function app_private.import_file_key(uuid, uuid) is 'Where the file of a run is stored. Derived, never given: the worker reads what stands there.';
revoke execute on function app_private.import_file_key(uuid, uuid) from public;

-- For whom the caller may import into a table; DNIED where there is nobody.
create function app_private.assert_importable(target text, method text, out brand_id uuid, out user_id uuid, out role_name text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  select o.brand_id, o.user_id, o.role_name into brand_id, user_id, role_name from app_private.import_owner() o;
  if brand_id is null and (user_id is null or assert_importable.method = 'catalogue') then
    raise exception 'Only a manager or an owner of a brand can import this'
      using errcode = 'DNIED', column = 'target', hint = 'Choose a brand you manage, then upload the file again';
  end if;
  if assert_importable.method = 'table' and not exists (
    select from app_hidden.import_columns(assert_importable.target, role_name) c where not c.match_only
  ) then
    raise exception 'You may not import into this table'
      using errcode = 'DNIED', column = 'target', hint = 'Choose a table to which you may add records';
  end if;
end
$$;
comment on function app_private.assert_importable(text, text) is 'The brand or the person that an import into a table would be of; refuses who may not.';
revoke execute on function app_private.assert_importable(text, text) from public;

-- Asked before the bytes of an upload are accepted; what comes back is the
-- place they go to. A brand's products may yet turn out to be a catalogue.
create function app_hidden.assert_may_import(target text) returns table (run_id uuid, file_key text)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_owner record;
begin
  select o.* into v_owner
  from app_private.assert_importable(
    assert_may_import.target, case assert_may_import.target when 'products' then 'catalogue' else 'table' end
  ) o;
  run_id := app_private.uuid_v7();
  file_key := app_private.import_file_key(coalesce(v_owner.brand_id, v_owner.user_id), run_id);
  return next;
end
$$;
comment on function app_hidden.assert_may_import(text) is 'Refuses who may not import into a table; else gives a new run''s id and where its file goes.';
revoke execute on function app_hidden.assert_may_import(text) from public;
grant execute on function app_hidden.assert_may_import(text) to :ROLE_MANAGER, :ROLE_USER, :ROLE_STAFF;

create function app_hidden.register_import(
  run_id uuid, filename text, bytes bigint, sha256 bytea, encoding text, delimiter text, header text[], mapping jsonb,
  target text default 'products', method text default 'catalogue'
) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_owner record;
  v_key text;
  v_run app_public.import_runs;
begin
  if register_import.method not in ('catalogue', 'table') then
    raise exception 'There is no such kind of import' using errcode = 'INVAL', column = 'method';
  end if;
  select o.* into v_owner from app_private.assert_importable(register_import.target, register_import.method) o;
  v_key := app_private.import_file_key(coalesce(v_owner.brand_id, v_owner.user_id), register_import.run_id);
  insert into app_public.storage_objects (
    key, owner_brand_id, owner_user_id, kind, content_type, bytes, sha256, status, retention_until
  ) values (
    v_key, v_owner.brand_id, v_owner.user_id, 'import', 'text/csv', register_import.bytes, register_import.sha256,
    'available', now() + interval '90 days'
  );
  insert into app_public.import_runs (
    id, brand_id, user_id, requested_by, requested_role, filename, storage_key, encoding, delimiter, header, mapping,
    target, method
  ) values (
    register_import.run_id, v_owner.brand_id, v_owner.user_id, app_hidden.current_user_id(),
    case when v_owner.brand_id is null then v_owner.role_name end, register_import.filename, v_key,
    register_import.encoding, register_import.delimiter, register_import.header, register_import.mapping,
    register_import.target, register_import.method
  ) returning * into v_run;
  return v_run;
end
$$;
comment on function app_hidden.register_import(uuid, text, bigint, bytea, text, text, text[], jsonb, text, text) is
  'Records an uploaded file and the run that will import it, in state uploaded.';
revoke execute on function app_hidden.register_import(uuid, text, bigint, bytea, text, text, text[], jsonb, text, text) from public;
grant execute on function app_hidden.register_import(uuid, text, bigint, bytea, text, text, text[], jsonb, text, text)
  to :ROLE_MANAGER, :ROLE_USER, :ROLE_STAFF;

-- Staff see that a person imported something, and not what: a wardrobe is read
-- through break_glass_wardrobe alone.
create function app_hidden.import_with_file(run_id uuid) returns setof app_public.import_runs
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select r.*
  from app_public.import_runs r
  where r.id = import_with_file.run_id
    and (r.brand_id is not null or r.user_id = app_hidden.current_user_id())
$$;
comment on function app_hidden.import_with_file(uuid) is 'The run, if the caller may see it and read its file.';
revoke execute on function app_hidden.import_with_file(uuid) from public;
grant execute on function app_hidden.import_with_file(uuid) to :ROLE_MANAGER, :ROLE_USER, :ROLE_STAFF;

-- The caller's run, locked: what the following statements decide stays true.
create function app_private.own_import_run(run_id uuid) returns app_public.import_runs
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs;
begin
  select r.* into v_run
  from app_public.import_runs r
  where r.id = own_import_run.run_id and app_private.owns_import(r)
  for update;
  if not found then
    raise exception 'There is no such import of yours' using errcode = 'NTFND', column = 'run_id';
  end if;
  return v_run;
end
$$;
comment on function app_private.own_import_run(uuid) is 'A run of the active brand, or the caller''s own, locked; NTFND for any other.';
revoke execute on function app_private.own_import_run(uuid) from public;

-- The mapping as it will be used: known fields, existing columns, nothing null.
create function app_private.checked_import_mapping(header text[], mapping jsonb) returns jsonb
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_mapping jsonb := jsonb_strip_nulls(mapping);
  v_entry record;
  v_missing text;
begin
  if jsonb_typeof(v_mapping) is distinct from 'object' then
    raise exception 'The mapping must name a column for each field'
      using errcode = 'INVAL', column = 'mapping', hint = 'For example {"sku": "id", "name": "title", "category": "type"}';
  end if;
  for v_entry in select e.key, e.value from jsonb_each(v_mapping) e loop
    if v_entry.key <> all (array[
      'sku', 'name', 'category', 'category_group', 'gender', 'color', 'season', 'year', 'usage', 'brand_label',
      'tags', 'price', 'currency'
    ]) then
      raise exception 'There is no field named %', left(v_entry.key, 60) using errcode = 'INVAL', column = 'mapping';
    end if;
    if jsonb_typeof(v_entry.value) <> 'string' then
      raise exception 'The column of % must be a text', v_entry.key using errcode = 'INVAL', column = 'mapping';
    end if;
    -- "=eur" stands for the same value in every row; a SKU or a name cannot.
    if (v_entry.value #>> '{}') <> all (header)
      and ((v_entry.value #>> '{}') !~ '^=.' or v_entry.key in ('sku', 'name')) then
      raise exception 'The file has no column named "%"', left(v_entry.value #>> '{}', 60)
        using errcode = 'INVAL', column = 'mapping', hint = 'Choose another column for ' || v_entry.key;
    end if;
  end loop;
  select f into v_missing from unnest(array['sku', 'name', 'category']) f where not v_mapping ? f limit 1;
  if v_missing is not null then
    raise exception 'Choose the column that holds the %', v_missing using errcode = 'INVAL', column = 'mapping';
  end if;
  if v_mapping ? 'price' and not v_mapping ? 'currency' then
    raise exception 'A price needs a currency'
      using errcode = 'INVAL', column = 'mapping',
        hint = 'Choose the column of the currency, or write =eur for one currency in all rows';
  end if;
  return v_mapping;
end
$$;
comment on function app_private.checked_import_mapping(text[], jsonb) is 'Refuses a mapping that cannot work for this header; else returns it without its empty entries.';
revoke execute on function app_private.checked_import_mapping(text[], jsonb) from public;

create function app_private.queue_import_run(run_id uuid) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select app_private.enqueue_job('import_run', json_build_object('runId', run_id), 'import_run:' || run_id)
$$;
comment on function app_private.queue_import_run(uuid) is 'Hands a run to the worker; asking twice leaves one job.';
revoke execute on function app_private.queue_import_run(uuid) from public;

create function app_private.import_run_lock(run_id uuid) returns bigint
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$ select hashtextextended('import_run:' || run_id, 0) $$;
comment on function app_private.import_run_lock(uuid) is 'The advisory lock that the worker of a run holds from claiming it to its end.';
revoke execute on function app_private.import_run_lock(uuid) from public;
grant execute on function app_private.import_run_lock(uuid) to :ROLE_WORKER;

create function app_public.start_import(
  run_id uuid, mapping jsonb, dry_run boolean default false, unique_key text default null
)
returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs := app_private.own_import_run(start_import.run_id);
  v_mapping jsonb;
  v_key text;
begin
  -- A dry run wrote nothing, so the same file may start again, for real this
  -- time. What it refused is cleared by the worker, which has the time for it.
  if not (
    v_run.status = 'uploaded'
    or (v_run.status in ('completed', 'cancelled', 'failed') and (v_run.dry_run or v_run.processed_rows = 0))
  ) then
    raise exception 'This import has already run'
      using errcode = 'STATE', hint = 'Resume it, run its refused rows again, or upload the file once more';
  end if;
  if v_run.method = 'table' then
    select c.checked, c.key_name into v_mapping, v_key
    from app_private.checked_table_mapping(
      v_run.target, current_setting('role'), v_run.header, start_import.mapping, start_import.unique_key
    ) c;
  else
    v_mapping := app_private.checked_import_mapping(v_run.header, start_import.mapping);
  end if;
  update app_public.import_runs r set
    requested_by = app_hidden.current_user_id(),
    requested_role = case when r.user_id is not null then current_setting('role') end,
    mapping = v_mapping,
    unique_key = v_key,
    dry_run = coalesce(start_import.dry_run, false),
    status = 'queued',
    total_rows = null, processed_rows = 0, created_count = 0, updated_count = 0, unchanged_count = 0,
    refused_count = 0, checkpoint_line = 0, error_code = null, error_message = null,
    started_at = null, finished_at = null
  where r.id = v_run.id
  returning r.* into v_run;
  perform app_private.queue_import_run(v_run.id);
  return v_run;
end
$$;
comment on function app_public.start_import(uuid, jsonb, boolean, text) is $$
Starts an uploaded import with this mapping of fields to columns of the file. A dry run does everything a run does and takes it back; afterwards the same run can be started for real.$$;

create function app_public.cancel_import(run_id uuid) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs := app_private.own_import_run(cancel_import.run_id);
begin
  if v_run.status not in ('uploaded', 'queued', 'staging', 'running', 'cancelling') then
    raise exception 'This import has already ended' using errcode = 'STATE';
  end if;
  update app_public.import_runs r set
    -- Nobody works on it yet, or a worker does and stops after its batch.
    status = case when v_run.status in ('uploaded', 'queued') then 'cancelled' else 'cancelling' end::app_public.import_status,
    finished_at = case when v_run.status in ('uploaded', 'queued') then now() end
  where r.id = v_run.id
  returning r.* into v_run;
  return v_run;
end
$$;
comment on function app_public.cancel_import(uuid) is 'Stops an import after the batch it is at. Rows already imported stay; resume_import goes on after them.';

create function app_public.resume_import(run_id uuid) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs := app_private.own_import_run(resume_import.run_id);
begin
  if v_run.started_at is null and v_run.status <> 'queued' then
    raise exception 'This import has never started' using errcode = 'STATE', hint = 'Start it';
  end if;
  if v_run.status in ('cancelled', 'failed') then
    update app_public.import_runs r set
      requested_by = app_hidden.current_user_id(),
      requested_role = case when r.user_id is not null then current_setting('role') end,
      status = 'queued', error_code = null, error_message = null, finished_at = null
    where r.id = v_run.id
    returning r.* into v_run;
  elsif v_run.status = 'completed' then
    raise exception 'This import is complete' using errcode = 'STATE', hint = 'Run its refused rows again, or upload a new file';
  elsif not pg_try_advisory_xact_lock(app_private.import_run_lock(v_run.id)) then
    -- Whoever works on a run holds its lock, and loses it by dying.
    raise exception 'This import is still running' using errcode = 'STATE', hint = 'Wait for it, or cancel it';
  end if;
  perform app_private.queue_import_run(v_run.id);
  return v_run;
end
$$;
comment on function app_public.resume_import(uuid) is 'Goes on with a cancelled, failed or stalled import after its last committed batch.';

create function app_public.rerun_refused(run_id uuid) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs := app_private.own_import_run(rerun_refused.run_id);
  v_again app_public.import_runs;
begin
  if v_run.dry_run then
    raise exception 'A dry run wrote nothing, so there is nothing to run again' using errcode = 'STATE', hint = 'Start the import';
  end if;
  if v_run.status not in ('completed', 'cancelled', 'failed') then
    raise exception 'This import is still running' using errcode = 'STATE', hint = 'Wait until it has ended';
  end if;
  if v_run.refused_count = 0 then
    raise exception 'This import refused no row' using errcode = 'STATE';
  end if;
  insert into app_public.import_runs (
    brand_id, user_id, requested_by, requested_role, filename, storage_key, status, mapping, encoding, delimiter, header, rerun_of,
    target, method, unique_key
  ) values (
    v_run.brand_id, v_run.user_id, app_hidden.current_user_id(),
    case when v_run.user_id is not null then current_setting('role') end, v_run.filename, v_run.storage_key, 'queued', v_run.mapping,
    v_run.encoding, v_run.delimiter, v_run.header, v_run.id,
    v_run.target, v_run.method, v_run.unique_key
  ) returning * into v_again;
  perform app_private.queue_import_run(v_again.id);
  return v_again;
end
$$;
comment on function app_public.rerun_refused(uuid) is 'Runs the refused rows of an import again, as a new run: after a mapping was added, say.';

-- Runs as the member: the policies of category_mappings decide.
create function app_public.set_category_mapping(label text, category_code text)
returns app_public.category_mappings
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into app_public.category_mappings (brand_id, label, category_code)
  values (app_hidden.current_brand_id(), btrim(set_category_mapping.label), set_category_mapping.category_code)
  on conflict (brand_id, lower(label)) do update set category_code = excluded.category_code
  returning *
$$;
comment on function app_public.set_category_mapping(text, text) is 'Says what a source label means for the active brand, from the next import on. Without a category such rows are left out on purpose.';

create function app_public.import_runs_unmapped_labels(run app_public.import_runs)
returns table (label text, reason text, row_count integer, first_line integer)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select f.label, min(f.reason), count(*)::integer, min(f.line_no)
  from app_public.import_refusals f
  where f.run_id = run.id and f.code = 'NOMAP' and f.label is not null
  group by f.label
  order by count(*) desc, f.label
$$;
comment on function app_public.import_runs_unmapped_labels(app_public.import_runs) is 'Labels of this run that mean no category, with how many rows each holds back; most first.';

revoke execute on function
  app_public.start_import(uuid, jsonb, boolean, text), app_public.cancel_import(uuid), app_public.resume_import(uuid),
  app_public.rerun_refused(uuid), app_public.set_category_mapping(text, text),
  app_public.import_runs_unmapped_labels(app_public.import_runs)
from public;
grant execute on function
  app_public.start_import(uuid, jsonb, boolean, text), app_public.cancel_import(uuid), app_public.resume_import(uuid),
  app_public.rerun_refused(uuid), app_public.set_category_mapping(text, text),
  app_public.import_runs_unmapped_labels(app_public.import_runs)
to :ROLE_MANAGER;
grant execute on function app_public.import_runs_unmapped_labels(app_public.import_runs) to :ROLE_STAFF;
grant execute on function
  app_public.start_import(uuid, jsonb, boolean, text), app_public.cancel_import(uuid), app_public.resume_import(uuid),
  app_public.rerun_refused(uuid)
to :ROLE_USER, :ROLE_STAFF;
grant execute on function app_public.import_runs_unmapped_labels(app_public.import_runs) to :ROLE_USER;
--! EndIncluded functions/import/runs.sql
--! Included functions/import/batch.sql
-- One batch of an import: read staged rows, check each, write products, record
-- what was refused, move the checkpoint: in one transaction, so that a crash
-- leaves whole batches only. It runs in the role of whoever imports: products
-- are read and written under that role's policies and column grants; three
-- small definer functions reach what that role cannot: the staged rows of the
-- caller's own run, and the run's own bookkeeping.

drop function if exists app_hidden.import_products_batch(uuid, integer, integer);
drop function if exists app_hidden.check_import_rows(app_public.import_runs, integer);
drop function if exists app_hidden.staged_import_rows(uuid, integer, integer);
drop function if exists app_hidden.lock_import_run(uuid, integer);
drop function if exists app_hidden.record_import_batch(uuid, integer, integer, integer, integer, jsonb);
drop function if exists app_private.add_import_batch(uuid, integer, integer, integer, integer, jsonb);

-- Its lock makes batches of one run queue up, and the checkpoint makes a batch
-- that was done before (a second worker, a repeated job) a refusal, not a double.
create function app_hidden.lock_import_run(run_id uuid, after_line integer) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs;
begin
  -- Not the row of a dry run that is rolled back at its end: it would stay
  -- locked till then, and could neither be cancelled nor show its progress.
  perform
  from app_public.import_runs r
  where r.id = lock_import_run.run_id and not (r.dry_run and r.method = 'table')
    and r.requested_by = app_hidden.current_user_id()
    and app_private.owns_import(r)
  for update;
  select r.* into v_run
  from app_public.import_runs r
  where r.id = lock_import_run.run_id
    and r.requested_by = app_hidden.current_user_id()
    and app_private.owns_import(r);
  if not found then
    raise exception 'There is no such import of yours' using errcode = 'NTFND', column = 'run_id';
  end if;
  if v_run.status <> 'running' then
    raise exception 'This import is not running' using errcode = 'STATE';
  end if;
  if v_run.checkpoint_line <> after_line then
    raise exception 'These rows have been imported already' using errcode = 'STALE';
  end if;
  return v_run;
end
$$;
comment on function app_hidden.lock_import_run(uuid, integer) is 'The caller''s own running import, locked, if its checkpoint is where the caller believes it to be.';

create function app_hidden.staged_import_rows(run_id uuid, after_line integer, batch_size integer)
returns table (line_no integer, fields text[], first_line integer)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.line_no, s.fields, s.first_line
  from app_private.import_rows s
  where s.run_id = staged_import_rows.run_id
    and s.line_no > staged_import_rows.after_line
    and exists (
      select from app_public.import_runs r
      where r.id = staged_import_rows.run_id
        and r.requested_by = app_hidden.current_user_id()
        and app_private.owns_import(r)
    )
  order by s.line_no
  limit least(greatest(staged_import_rows.batch_size, 0), 10000)
$$;
comment on function app_hidden.staged_import_rows(uuid, integer, integer) is 'The next staged rows of the caller''s own import; of any other run, none.';

-- Checks rows and says what each would become: either a complete product or
-- the one reason it is refused. Text is cleaned the same way everywhere: line
-- breaks and tabs become blanks, blanks at the ends go, and "NA", "N/A", "NULL"
-- and "NaN" mean unknown, as the empty text does.
create function app_hidden.check_import_rows(run app_public.import_runs, batch_size integer)
returns table (
  line_no integer, field text, code text, reason text, label text,
  sku text, name text, category_code text, brand_label text, gender text, color text, season text, year integer,
  usage text, tags text[], price_minor bigint, currency text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with mapped as materialized (
    -- Field to position in the file; a mapping "=eur" has a value and no position.
    select
      coalesce(jsonb_object_agg(m.key, p.at) filter (where p.at is not null), '{}') as at,
      coalesce(jsonb_object_agg(m.key, substr(m.value, 2)) filter (where p.at is null), '{}') as fixed
    from jsonb_each_text(run.mapping) m
    cross join lateral (select array_position(run.header, m.value) as at) p
  ),
  -- Materialised, or each later mention of a field would cut it out anew.
  read as materialized (
    select s.line_no, s.first_line, cardinality(s.fields) as width, v.torn,
      v.a[(m.at ->> 'sku')::integer] as sku,
      v.a[(m.at ->> 'name')::integer] as name,
      coalesce(v.a[(m.at ->> 'category')::integer], m.fixed ->> 'category') as label,
      coalesce(v.a[(m.at ->> 'category_group')::integer], m.fixed ->> 'category_group') as label_group,
      coalesce(v.a[(m.at ->> 'brand_label')::integer], m.fixed ->> 'brand_label') as brand_label,
      coalesce(v.a[(m.at ->> 'gender')::integer], m.fixed ->> 'gender') as gender,
      coalesce(v.a[(m.at ->> 'color')::integer], m.fixed ->> 'color') as color,
      coalesce(v.a[(m.at ->> 'season')::integer], m.fixed ->> 'season') as season,
      coalesce(v.a[(m.at ->> 'year')::integer], m.fixed ->> 'year') as year_text,
      coalesce(v.a[(m.at ->> 'usage')::integer], m.fixed ->> 'usage') as usage,
      coalesce(v.a[(m.at ->> 'tags')::integer], m.fixed ->> 'tags') as tags_text,
      coalesce(v.a[(m.at ->> 'price')::integer], m.fixed ->> 'price') as price_text,
      lower(coalesce(v.a[(m.at ->> 'currency')::integer], m.fixed ->> 'currency')) as currency
    from app_hidden.staged_import_rows(run.id, run.checkpoint_line, check_import_rows.batch_size) s
    cross join mapped m
    cross join lateral (
      select array_agg(
        case when c.t = '' or upper(c.t) in ('NA', 'N/A', '#N/A', 'NULL', 'NAN') then null else c.t end
        order by u.position
      ) as a,
      bool_or(left(u.raw, 1) = '"' and u.raw ~ E'[\n\r]') as torn
      from unnest(s.fields) with ordinality as u (raw, position)
      cross join lateral (
        select btrim(
          translate(replace(u.raw, E'\r\n', ' '), E'\t\n\r\x0b\f\u00a0', '      '), E' \u200b\ufeff'
        ) as t
      ) c
    ) v
  ),
  derived as materialized (
    select r.*,
      y.year,
      t.tags,
      f.exponent,
      f.price,
      c.code as category_code,
      own.id is not null and own.category_code is null as left_out
    from read r
    left join app_public.category_mappings own
      on own.brand_id = run.brand_id and lower(own.label) = lower(r.label)
    left join app_public.category_defaults d on lower(d.label) = lower(r.label)
    -- A brand's own meaning wins, also where it says "leave out"; where nobody
    -- has said anything, a label may be the code or the name of a category.
    left join lateral (
      select k.code
      from app_public.wardrobe_categories k
      where k.active and case
        when own.id is not null then k.code = own.category_code
        when d.label is not null then k.code = d.category_code
        else lower(r.label) in (k.code, lower(k.label))
      end
      order by k.code
      limit 1
    ) c on true
    cross join lateral (
      -- Spreadsheets write 2012 as 2012.0.
      select case when r.year_text ~ '^[0-9]{4}(\.0+)?$' then left(r.year_text, 4)::integer end as year
    ) y
    cross join lateral (
      select coalesce(array_agg(q.tag order by q.first), '{}') as tags
      from (
        select btrim(p.part) as tag, min(p.position) as first
        from regexp_split_to_table(r.tags_text, '[,;|]') with ordinality as p (part, position)
        where btrim(p.part) <> ''
        group by 1
      ) q
    ) t
    left join lateral (
      -- Groups of thousands count only where they cannot be mistaken for
      -- decimals: "1,299" is refused, "1,299.00" and "1 299" are not. Twelve
      -- digits at most, so that the minor units fit.
      select k.exponent, case
        when n.digits ~ ('^[0-9]{1,12}' || n.decimals || '?$') then replace(n.digits, ',', '.')::numeric
        when n.digits ~ ('^[0-9]{1,3}([ ''’][0-9]{3}){1,3}' || n.decimals || '?$')
          then replace(translate(n.digits, ' ''’', ''), ',', '.')::numeric
        when n.digits ~ ('^[0-9]{1,3}(,[0-9]{3}){1,3}' || n.decimals || '$') and n.digits ~ '[.]' then replace(n.digits, ',', '')::numeric
        when n.digits ~ ('^[0-9]{1,3}([.][0-9]{3}){1,3}' || n.decimals || '$') and n.digits ~ ','
          then replace(replace(n.digits, '.', ''), ',', '.')::numeric
      end as price
      from app_public.currencies k
      cross join lateral (
        select
          regexp_replace(r.price_text, '^[^0-9.,-]+[.]?\s+|^[^0-9.,-]+|[^0-9.,]+$', '', 'g') as digits,
          case when k.exponent = 0 then '([.]0)' else '([.,][0-9]{1,' || k.exponent || '})' end as decimals
      ) n
      where k.code = r.currency and length(r.price_text) <= 40
    ) f on true
  ),
  judged as (
    select d.*, case
      -- A quote that closes in the middle of a text was opened by mistake; when
      -- a line break lies between, other rows were read as part of this text.
      when d.torn then array['row', 'QUOTE', 'A quote is not closed where it should be, so following lines became part of this row']
      when d.width < cardinality(run.header) then array['row', 'SHORT', format(
        '%s %s where the header has %s: the line is cut off, or a delimiter is missing',
        d.width, case d.width when 1 then 'field' else 'fields' end, cardinality(run.header))]
      when d.width > cardinality(run.header) then array['row', 'LONGR', format(
        '%s fields where the header has %s: a text that contains the delimiter may lack its quotes',
        d.width, cardinality(run.header))]
      when d.sku is null then array['sku', 'EMPTY', 'No SKU']
      when length(d.sku) > 64 then array['sku', 'INVAL', format('The SKU has %s characters, 64 is the most', length(d.sku))]
      when d.sku ~ '[\x01-\x1f\x7f]' then array['sku', 'INVAL', 'The SKU contains control characters']
      when d.first_line is not null then array['sku', 'TWICE', format('Line %s of this file already has the SKU %s', d.first_line, d.sku)]
      when d.name is null then array['name', 'EMPTY', 'No name']
      when length(d.name) > 200 then array['name', 'INVAL', format('The name has %s characters, 200 is the most', length(d.name))]
      when d.name ~ '[\x01-\x1f\x7f]' then array['name', 'INVAL', 'The name contains control characters']
      when d.label is null then array['category', 'EMPTY', 'No category']
      when length(d.label) > 100 then array['category', 'INVAL', format('The category has %s characters, 100 is the most', length(d.label))]
      when d.label ~ '[\x01-\x1f\x7f]' then array['category', 'INVAL', 'The category contains control characters']
      when d.left_out then array['category', 'NOMAP', format(
        '%s: left out by your own category mapping', coalesce(left(d.label_group, 100) || ' / ', '') || d.label)]
      when d.category_code is null then array['category', 'NOMAP', format(
        '%s: no try-on category', coalesce(left(d.label_group, 100) || ' / ', '') || d.label)]
      when d.year_text is not null and (d.year is null or d.year not between 1900 and 2100)
        then array['year', 'INVAL', format('“%s” is not a year between 1900 and 2100', left(d.year_text, 40))]
      when length(d.brand_label) > 100 then array['brand_label', 'INVAL', format('The brand has %s characters, 100 is the most', length(d.brand_label))]
      when d.brand_label ~ '[\x01-\x1f\x7f]' then array['brand_label', 'INVAL', 'The brand contains control characters']
      when length(d.gender) > 40 then array['gender', 'INVAL', format('The gender has %s characters, 40 is the most', length(d.gender))]
      when d.gender ~ '[\x01-\x1f\x7f]' then array['gender', 'INVAL', 'The gender contains control characters']
      when length(d.color) > 60 then array['color', 'INVAL', format('The colour has %s characters, 60 is the most', length(d.color))]
      when d.color ~ '[\x01-\x1f\x7f]' then array['color', 'INVAL', 'The colour contains control characters']
      when length(d.season) > 40 then array['season', 'INVAL', format('The season has %s characters, 40 is the most', length(d.season))]
      when d.season ~ '[\x01-\x1f\x7f]' then array['season', 'INVAL', 'The season contains control characters']
      when length(d.usage) > 60 then array['usage', 'INVAL', format('The usage has %s characters, 60 is the most', length(d.usage))]
      when d.usage ~ '[\x01-\x1f\x7f]' then array['usage', 'INVAL', 'The usage contains control characters']
      when cardinality(d.tags) > 50 then array['tags', 'INVAL', format('%s tags, 50 is the most', cardinality(d.tags))]
      when length(array_to_string(d.tags, ' ')) > 2000 then array['tags', 'INVAL', 'The tags are longer than 2,000 characters']
      when d.tags_text ~ '[\x01-\x1f\x7f]' then array['tags', 'INVAL', 'The tags contain control characters']
      when d.price_text is not null and d.currency is null then array['currency', 'EMPTY', 'A price needs a currency']
      when d.price_text is not null and d.exponent is null and length(d.price_text) <= 40
        then array['currency', 'INVAL', format('“%s” is not a currency we know', left(d.currency, 40))]
      when d.price_text is not null and d.price is null
        then array['price', 'INVAL', format('“%s” is not a price: write 1299.50', left(d.price_text, 40))]
    end as fault
    from derived d
  )
  select j.line_no, j.fault[1], j.fault[2], j.fault[3],
    case when j.fault[2] = 'NOMAP' then j.label end,
    j.sku, j.name, j.category_code, j.brand_label, j.gender, j.color, j.season, j.year, j.usage, j.tags,
    (j.price * power(10::numeric, j.exponent))::bigint,
    case when j.price is not null then j.currency end
  from judged j
$$;
comment on function app_hidden.check_import_rows(app_public.import_runs, integer) is 'The next rows of a run, checked: each either a product or one refusal (field, code, sentence).';

-- The caller has made sure whose run it is.
create function app_private.add_import_batch(
  run_id uuid, last_line integer, created integer, updated integer, unchanged integer, refusals jsonb
) returns app_public.import_runs
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs;
  v_refused integer;
begin
  insert into app_public.import_refusals (
    run_id, brand_id, user_id, line_no, field, code, reason, label, fields, first_line
  )
  select r.id, r.brand_id, r.user_id, f.line_no, f.field, f.code, f.reason, f.label, s.fields, s.first_line
  from app_public.import_runs r
  cross join jsonb_to_recordset(add_import_batch.refusals)
    as f (line_no integer, field text, code text, reason text, label text)
  join app_private.import_rows s on s.run_id = r.id and s.line_no = f.line_no
  where r.id = add_import_batch.run_id;
  get diagnostics v_refused = row_count;

  update app_public.import_runs r set
    checkpoint_line = add_import_batch.last_line,
    processed_rows = r.processed_rows + add_import_batch.created + add_import_batch.updated
      + add_import_batch.unchanged + v_refused,
    created_count = r.created_count + add_import_batch.created,
    updated_count = r.updated_count + add_import_batch.updated,
    unchanged_count = r.unchanged_count + add_import_batch.unchanged,
    refused_count = r.refused_count + v_refused
  where r.id = add_import_batch.run_id and r.status = 'running'
  returning r.* into v_run;
  if not found then
    raise exception 'This import is not running' using errcode = 'STATE';
  end if;
  return v_run;
end
$$;
comment on function app_private.add_import_batch(uuid, integer, integer, integer, integer, jsonb) is 'Adds what became of a batch to a running run: counts, refused lines, checkpoint.';
revoke execute on function app_private.add_import_batch(uuid, integer, integer, integer, integer, jsonb) from public;

create function app_hidden.record_import_batch(
  run_id uuid, last_line integer, created integer, updated integer, unchanged integer, refusals jsonb
) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from app_public.import_runs r
    where r.id = record_import_batch.run_id
      and r.requested_by = app_hidden.current_user_id()
      and app_private.owns_import(r)
  ) then
    raise exception 'This import is not running' using errcode = 'STATE';
  end if;
  return app_private.add_import_batch(run_id, last_line, created, updated, unchanged, refusals);
end
$$;
comment on function app_hidden.record_import_batch(uuid, integer, integer, integer, integer, jsonb) is 'Adds what became of a batch to the caller''s own run: counts, refused lines, checkpoint.';

create function app_hidden.import_products_batch(run_id uuid, after_line integer, batch_size integer default 1000)
returns app_public.import_runs
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs := app_hidden.lock_import_run(import_products_batch.run_id, import_products_batch.after_line);
  v_last integer;
  v_good integer;
  v_created integer;
  v_updated integer;
  v_refusals jsonb;
begin
  -- A column the file does not have keeps what the product has: `mapping ? x`
  -- asks whether the file says anything about x at all.
  with checked as materialized (
    select c.* from app_hidden.check_import_rows(v_run, import_products_batch.batch_size) c
  ),
  good as (
    select c.* from checked c where c.code is null
  ),
  written as (
    insert into app_public.products as p (
      brand_id, sku, name, category_code, brand_label, gender, color, season, year, usage, tags, price_minor, currency
    )
    select v_run.brand_id, g.sku, g.name, g.category_code, g.brand_label, g.gender, g.color, g.season, g.year,
      g.usage, g.tags, g.price_minor, g.currency
    from good g
    where not v_run.dry_run
    -- Two imports of one brand lock products in the same order, so neither
    -- waits for the other in a circle.
    order by g.sku
    on conflict on constraint products_brand_id_sku_key do update set
      name = excluded.name,
      category_code = excluded.category_code,
      brand_label = case when v_run.mapping ? 'brand_label' then excluded.brand_label else p.brand_label end,
      gender = case when v_run.mapping ? 'gender' then excluded.gender else p.gender end,
      color = case when v_run.mapping ? 'color' then excluded.color else p.color end,
      season = case when v_run.mapping ? 'season' then excluded.season else p.season end,
      year = case when v_run.mapping ? 'year' then excluded.year else p.year end,
      usage = case when v_run.mapping ? 'usage' then excluded.usage else p.usage end,
      tags = case when v_run.mapping ? 'tags' then excluded.tags else p.tags end,
      price_minor = case when v_run.mapping ? 'price' then excluded.price_minor else p.price_minor end,
      currency = case when v_run.mapping ? 'price' then excluded.currency else p.currency end
    where (p.name, p.category_code) is distinct from (excluded.name, excluded.category_code)
      or (v_run.mapping ? 'brand_label' and p.brand_label is distinct from excluded.brand_label)
      or (v_run.mapping ? 'gender' and p.gender is distinct from excluded.gender)
      or (v_run.mapping ? 'color' and p.color is distinct from excluded.color)
      or (v_run.mapping ? 'season' and p.season is distinct from excluded.season)
      or (v_run.mapping ? 'year' and p.year is distinct from excluded.year)
      or (v_run.mapping ? 'usage' and p.usage is distinct from excluded.usage)
      or (v_run.mapping ? 'tags' and p.tags is distinct from excluded.tags)
      or (v_run.mapping ? 'price' and (p.price_minor, p.currency) is distinct from (excluded.price_minor, excluded.currency))
    -- A row that was inserted has never been locked by an update.
    returning p.xmax = 0 as is_new
  ),
  compared as (
    select p.id is null as is_new
    from good g
    left join app_public.products p on p.brand_id = v_run.brand_id and p.sku = g.sku
    where v_run.dry_run and (
      p.id is null
      or (p.name, p.category_code) is distinct from (g.name, g.category_code)
      or (v_run.mapping ? 'brand_label' and p.brand_label is distinct from g.brand_label)
      or (v_run.mapping ? 'gender' and p.gender is distinct from g.gender)
      or (v_run.mapping ? 'color' and p.color is distinct from g.color)
      or (v_run.mapping ? 'season' and p.season is distinct from g.season)
      or (v_run.mapping ? 'year' and p.year is distinct from g.year)
      or (v_run.mapping ? 'usage' and p.usage is distinct from g.usage)
      or (v_run.mapping ? 'tags' and p.tags is distinct from g.tags)
      or (v_run.mapping ? 'price' and (p.price_minor, p.currency) is distinct from (g.price_minor, g.currency))
    )
  ),
  changed as (
    select w.is_new from written w union all select c.is_new from compared c
  )
  select
    (select max(c.line_no) from checked c),
    (select count(*) from good),
    (select count(*) from changed ch where ch.is_new),
    (select count(*) from changed ch where not ch.is_new),
    (select coalesce(jsonb_agg(jsonb_build_object(
        'line_no', c.line_no, 'field', c.field, 'code', c.code, 'reason', c.reason, 'label', c.label
      )), '[]')
      from checked c where c.code is not null)
  into v_last, v_good, v_created, v_updated, v_refusals;

  if v_last is null then
    -- Nothing is staged after the checkpoint: the run is at its end.
    return v_run;
  end if;
  return app_hidden.record_import_batch(
    v_run.id, v_last, v_created, v_updated, v_good - v_created - v_updated, v_refusals
  );
end
$$;
comment on function app_hidden.import_products_batch(uuid, integer, integer) is
  'Imports the next rows of the caller''s own run after a line, as the caller, in one transaction; returns the run as it then is.';

revoke execute on function
  app_hidden.lock_import_run(uuid, integer), app_hidden.staged_import_rows(uuid, integer, integer),
  app_hidden.check_import_rows(app_public.import_runs, integer),
  app_hidden.record_import_batch(uuid, integer, integer, integer, integer, jsonb),
  app_hidden.import_products_batch(uuid, integer, integer)
from public;
grant execute on function
  app_hidden.lock_import_run(uuid, integer), app_hidden.staged_import_rows(uuid, integer, integer),
  app_hidden.check_import_rows(app_public.import_runs, integer),
  app_hidden.record_import_batch(uuid, integer, integer, integer, integer, jsonb),
  app_hidden.import_products_batch(uuid, integer, integer)
to :ROLE_MANAGER;
grant execute on function
  app_hidden.lock_import_run(uuid, integer), app_hidden.staged_import_rows(uuid, integer, integer),
  app_hidden.record_import_batch(uuid, integer, integer, integer, integer, jsonb)
to :ROLE_USER, :ROLE_STAFF;
--! EndIncluded functions/import/batch.sql
--! Included functions/import/table_values.sql
-- What a cell of an imported file means: its text, and the value of a column's
-- type that it stands for, or the sentence why it stands for none.

drop function if exists app_hidden.import_value(text, text, text, boolean);
drop function if exists app_hidden.import_scalar(text, text, text);
drop function if exists app_hidden.import_label(text);
drop function if exists app_hidden.import_text(text);

-- One reading of text everywhere: blanks at the ends go, "NA" and its like mean
-- unknown, and the apostrophe an export puts before a formula is not data.
create function app_hidden.import_text(raw text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select case when s.t = '' or upper(s.t) in ('NA', 'N/A', '#N/A', 'NULL', 'NAN') then null else s.t end
  from (select btrim(raw, E' \t\n\r\x0b\f\u00a0\u200b\ufeff') as t) r
  cross join lateral (
    select case
      when r.t ~ E'^''[=+@\t\r\n-]' then btrim(substr(r.t, 2), E' \t\n\r\x0b\f\u00a0\u200b\ufeff') else r.t
    end as t
  ) s
$$;
comment on function app_hidden.import_text(text) is 'A cell of an imported file as the text it means; null when it means nothing.';

create function app_hidden.import_label(column_name text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$ select replace(regexp_replace(column_name, '_(id|at|minor|code|key)$', ''), '_', ' ') $$;
comment on function app_hidden.import_label(text) is 'A column as a sentence calls it: product_id is "product".';

-- Text to what the type takes, or the sentence why not: {value, null} or
-- {null, sentence}. Narrower than PostgreSQL's own input: "today", 1e400, hex and
-- dates that depend on a setting are refused, for a file must mean one thing.
create function app_hidden.import_scalar(value text, kind text, type text) returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_shown text := '“' || left(value, 40) || '”';
  v_value text := value;
  v_plain text;
begin
  case kind
    when 'text' then
      if value ~ '[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]' then
        return array[null, 'The text contains control characters'];
      end if;
      if type = 'text' then
        return array[value, null];
      end if;
    when 'boolean' then
      v_value := case
        when lower(value) in ('yes', 'y', 'true', 't', 'on', '1') then 'true'
        when lower(value) in ('no', 'n', 'false', 'f', 'off', '0') then 'false'
      end;
      if v_value is null then
        return array[null, v_shown || ' is neither yes nor no'];
      end if;
    when 'integer' then
      -- Spreadsheets write 2012 as 2012.0.
      if value !~ '^[+-]?[0-9]+([.]0+)?$' then
        return array[null, v_shown || ' is not a whole number'];
      end if;
      v_value := split_part(value, '.', 1);
    when 'number' then
      if value !~ '^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?$' then
        return array[null, v_shown || ' is not a number: write 1299.50'];
      end if;
    when 'date' then
      if value !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' then
        return array[null, v_shown || ' is not a date: write 2026-12-31'];
      end if;
    when 'moment', 'local moment' then
      if value !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?\s?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?$' then
        return array[null, v_shown || ' is not a time: write 2026-12-31T18:30:00Z'];
      end if;
      if kind = 'moment' and value !~ '(Z|[+-][0-9]{2}(:?[0-9]{2})?)$|^[0-9-]{10}$' then
        -- Without a zone it means UTC, whatever the session says.
        v_value := value || 'Z';
      elsif kind = 'moment' and length(value) = 10 then
        v_value := value || 'T00:00Z';
      end if;
    when 'time' then
      if value !~ '^[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?$' then
        return array[null, v_shown || ' is not a time of day: write 18:30'];
      end if;
    when 'enum' then
      select min(e.enumlabel::text) into v_value
      from pg_enum e
      where e.enumtypid = type::regtype and e.enumlabel::text = value;
      if v_value is null then
        -- A label for people, "Spring summer", stands for spring_summer.
        v_plain := regexp_replace(lower(value), '[^[:alnum:]]+', '', 'g');
        select min(e.enumlabel::text) into v_value
        from pg_enum e
        where e.enumtypid = type::regtype
          and regexp_replace(lower(e.enumlabel::text), '[^[:alnum:]]+', '', 'g') = v_plain
        having count(*) = 1;
      end if;
      if v_value is null then
        return array[null, v_shown || ' is none of: ' || (
          select string_agg(o.label, ', ' order by o.at)
          from (
            select e.enumlabel::text as label, e.enumsortorder as at
            from pg_enum e where e.enumtypid = type::regtype order by e.enumsortorder limit 12
          ) o
        )];
      end if;
      return array[v_value, null];
    when 'json' then
      if not pg_input_is_valid(value, concat(type)) then
        return array[null, v_shown || ' is not JSON'];
      end if;
    else
      null;
  end case;
  -- concat: of a bare parameter pg_input_is_valid remembers the first type it saw,
  -- and would check the next column against that.
  if not pg_input_is_valid(v_value, concat(type)) then
    return array[null, case
      when kind = 'text' then 'The text is too long'
      when kind in ('integer', 'number') then v_shown || ' is too large'
      when kind = 'uuid' then v_shown || ' is not an id'
      when kind in ('date', 'moment', 'local moment', 'time') then v_shown || ' is not in the calendar'
      else v_shown || ' is not a value this field takes'
    end];
  end if;
  return array[v_value, null];
end
$$;
comment on function app_hidden.import_scalar(text, text, text) is 'One value of an imported file that is no list, checked for its type: {value, null} or {null, sentence}.';

create function app_hidden.import_value(value text, kind text, type text, is_array boolean) returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_items text[];
  v_item text;
  v_one text[];
  v_read text[] := '{}';
begin
  if not is_array then
    return app_hidden.import_scalar(value, kind, type);
  end if;
  if left(value, 1) = '[' then
    if not pg_input_is_valid(value, 'jsonb') then
      return array[null, '“' || left(value, 40) || '” is not a list: write a;b;c'];
    end if;
    select coalesce(array_agg(
      case when kind = 'json' then e.item::text else e.item #>> '{}' end order by e.at
    ), '{}') into v_items
    from jsonb_array_elements(value::jsonb) with ordinality as e (item, at);
  else
    select coalesce(array_agg(btrim(p.part) order by p.at), '{}') into v_items
    from string_to_table(value, ';') with ordinality as p (part, at)
    where btrim(p.part) <> '';
  end if;
  if cardinality(v_items) > 1000 then
    return array[null, format('%s entries, 1,000 is the most', cardinality(v_items))];
  end if;
  foreach v_item in array v_items loop
    if v_item is null then
      v_read := v_read || null::text;
      continue;
    end if;
    v_one := app_hidden.import_scalar(v_item, kind, type);
    if v_one[2] is not null then
      return v_one;
    end if;
    v_read := v_read || v_one[1];
  end loop;
  return array[v_read::text, null];
end
$$;
comment on function app_hidden.import_value(text, text, text, boolean) is 'One value of an imported file, checked for its column: {value, null} or {null, sentence}; a list may be a;b;c or JSON.';

revoke execute on function
  app_hidden.import_text(text), app_hidden.import_label(text), app_hidden.import_scalar(text, text, text),
  app_hidden.import_value(text, text, text, boolean)
from public;
grant execute on function
  app_hidden.import_text(text), app_hidden.import_label(text), app_hidden.import_scalar(text, text, text),
  app_hidden.import_value(text, text, text, boolean)
to :ROLE_MANAGER, :ROLE_USER, :ROLE_STAFF;
--! EndIncluded functions/import/table_values.sql
--! Included functions/import/table_columns.sql
-- What of a table a file can fill, for a role: which columns are read from the
-- file and which are filled in from the run, by which keys a row finds its
-- record, and whether a mapping works. It is read from the system catalogues at
-- the time, so a new table needs nothing.

drop function if exists app_hidden.import_plan(app_public.import_runs);
drop function if exists app_private.mark_repeated_keys(app_public.import_runs);
drop function if exists app_private.checked_table_mapping(text, text, text[], jsonb, text);
drop function if exists app_hidden.import_keys(text, text);
drop function if exists app_hidden.import_columns(text, text);
drop function if exists app_hidden.import_scope(text, text);

-- Columns that say whose a record is. A brand's is filled from the run whatever
-- the file says. A person's is known by the policies: where each one that lets
-- the role insert demands that a column be the caller, the column is the caller.
-- Outside any brand a column for the brand stays empty where it may.
create function app_hidden.import_scope(target text, role_name text default current_user)
returns table (name text, source text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select a.attname::text, s.source
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.atttypid = 'uuid'::regtype
  cross join lateral (
    select role_name in (':ROLE_VIEWER', ':ROLE_ANALYST', ':ROLE_MANAGER', ':ROLE_BRAND_OWNER') as in_brand,
      has_column_privilege(role_name, c.oid, a.attnum, 'insert') as insertable
  ) r
  cross join lateral (
    select case
      when a.attname = 'brand_id' and r.in_brand and r.insertable then 'brand'
      when a.attname = 'brand_id' and not r.in_brand and not a.attnotnull then 'none'
      when r.insertable and (
        select coalesce(bool_and(
          pg_get_expr(p.polwithcheck, p.polrelid)
            like '%(' || quote_ident(a.attname) || ' = ( SELECT app_hidden.current_user_id()%'
          and pg_get_expr(p.polwithcheck, p.polrelid) not like '% OR %'
        ), false)
        from pg_policy p
        where p.polrelid = c.oid and p.polpermissive and p.polcmd in ('a', '*') and exists (
          select from unnest(p.polroles) m (member_of)
          where m.member_of = 0 or pg_has_role(role_name, m.member_of, 'usage')
        )
      ) then 'person'
    end as source
  ) s
  where c.relnamespace = 'app_public'::regnamespace and c.relname::text = import_scope.target and s.source is not null
$$;
comment on function app_hidden.import_scope(text, text) is
  'Columns of a table that an import fills itself: with the brand, with the person, or with nothing.';

-- The columns a role may fill. The key of the table is among them even where it
-- may not be given: to find a record by it is not to write it (match_only).
create function app_hidden.import_columns(target text, role_name text default current_user)
returns table (
  name text, type text, kind text, item_type text, is_array boolean, nullable boolean, default_value text,
  updatable boolean, match_only boolean, place integer
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select a.attname::text, format_type(a.atttypid, a.atttypmod), k.kind,
    case
      when k.kind = 'enum' then format_type(e.item, null)
      when e.is_array then format_type(e.item, a.atttypmod)
      else format_type(a.atttypid, a.atttypmod)
    end,
    e.is_array, not a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
    has_column_privilege(role_name, c.oid, a.attnum, 'update'),
    not g.insertable, a.attnum::integer
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  cross join lateral (
    select has_column_privilege(role_name, c.oid, a.attnum, 'insert')
      and a.attgenerated = '' and a.attidentity <> 'a' as insertable
  ) g
  cross join lateral (select pg_basetype(a.atttypid)::oid as base) b
  join pg_type bt on bt.oid = b.base
  cross join lateral (select bt.typcategory = 'A' as is_array) ia
  cross join lateral (
    select ia.is_array, pg_basetype(case when ia.is_array then bt.typelem else b.base end)::oid as item
  ) e
  join pg_type it on it.oid = e.item
  cross join lateral (
    select case
      when it.typtype = 'e' then 'enum'
      when e.item in ('json'::regtype, 'jsonb'::regtype) then 'json'
      when e.item = 'boolean'::regtype then 'boolean'
      when e.item in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) then 'integer'
      when e.item in ('numeric'::regtype, 'float4'::regtype, 'float8'::regtype) then 'number'
      when e.item = 'date'::regtype then 'date'
      when e.item = 'timestamptz'::regtype then 'moment'
      when e.item = 'timestamp'::regtype then 'local moment'
      when e.item in ('time'::regtype, 'timetz'::regtype) then 'time'
      when e.item = 'uuid'::regtype then 'uuid'
      when e.item in ('interval'::regtype, 'inet'::regtype, 'cidr'::regtype) then 'other'
      when it.typcategory = 'S' then 'text'
    end as kind
  ) k
  where c.relnamespace = 'app_public'::regnamespace
    and c.relname::text = import_columns.target
    and c.relkind in ('r', 'p') and not c.relispartition and c.relrowsecurity
    and not exists (select from app_hidden.import_scope(import_columns.target, role_name) s where s.name = a.attname)
    and k.kind is not null
    -- What the API makes no record of by hand, an import does not either.
    and coalesce(obj_description(c.oid, 'pg_class'), '') !~ '@behavior[^\n]*-insert'
    and (g.insertable or exists (
      select from pg_index i where i.indrelid = c.oid and i.indisprimary and a.attnum = any (i.indkey::smallint[])
    ))
    -- Within a brand, a table of brands: the fence needs a column to stand on.
    and (
      role_name not in (':ROLE_VIEWER', ':ROLE_ANALYST', ':ROLE_MANAGER', ':ROLE_BRAND_OWNER')
      or exists (
        select from app_hidden.import_scope(import_columns.target, role_name) s where s.source = 'brand'
      )
    )
$$;
comment on function app_hidden.import_columns(text, text) is 'Columns of a table that a role may import into; none but the key when the role may not insert, and none at all when a brand''s role asks for a table of no brand.';

-- A key finds a record of the owner: a unique index over the owner and columns
-- that can be in the file, plain or lower(column), or the primary key. Within a
-- brand it carries the brand. Where it holds a column that stays empty, nulls
-- must be equal in it, or it would find two. The order is the order of preference.
create function app_hidden.import_keys(target text, role_name text default current_user)
returns table (name text, columns text[], folded boolean[], is_primary boolean, owners text[])
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with known as materialized (
    select i.* from app_hidden.import_columns(import_keys.target, import_keys.role_name) i
  ),
  scope as materialized (
    select s.* from app_hidden.import_scope(import_keys.target, import_keys.role_name) s
  ),
  parts as (
    select x.indexrelid, x.indisprimary, x.indnullsnotdistinct, n.position, a.attname::text as column_name,
      x.indkey[n.position - 1] = 0 as folded
    from pg_class c
    join pg_index x on x.indrelid = c.oid and x.indisunique and x.indisvalid and x.indpred is null
    cross join lateral generate_series(1, x.indnkeyatts::integer) as n (position)
    left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and case
      when x.indkey[n.position - 1] <> 0 then a.attnum = x.indkey[n.position - 1]
      else pg_get_indexdef(x.indexrelid, n.position, true)
        in ('lower(' || quote_ident(a.attname) || ')', 'lower(' || quote_ident(a.attname) || '::text)')
    end
    where c.relnamespace = 'app_public'::regnamespace and c.relname::text = import_keys.target
  ),
  keys as (
    select p.indexrelid, p.indisprimary,
      array_agg(p.column_name order by p.position) filter (where s.name is null) as columns,
      array_agg(p.folded order by p.position) filter (where s.name is null) as folded,
      coalesce(array_agg(s.name) filter (where s.name is not null), '{}') as owners,
      coalesce(bool_or(s.source = 'brand'), false) as has_brand,
      bool_or(k.match_only) as has_key
    from parts p
    left join known k on k.name = p.column_name
    left join scope s on s.name = p.column_name and not p.folded
    group by p.indexrelid, p.indisprimary
    having bool_and(s.name is not null or k.name is not null)
      and bool_and(p.indnullsnotdistinct or s.source is distinct from 'none')
  )
  select i.relname::text, k.columns, k.folded, k.indisprimary, k.owners
  from keys k
  join pg_class i on i.oid = k.indexrelid
  where k.columns is not null and (
    k.indisprimary or (
      not coalesce(k.has_key, false)
      and (k.has_brand or not exists (select from scope s where s.source = 'brand'))
    )
  )
  order by
    k.indisprimary and not k.has_brand,
    -- (brand_id, id) says no more than the key it contains.
    not k.indisprimary and k.columns && (
      select array_agg(q.column_name) from parts q
      where q.indisprimary and not exists (select from scope s where s.name = q.column_name)),
    k.indexrelid
$$;
comment on function app_hidden.import_keys(text, text) is 'The unique keys by which an import can find a record of its owner, best first.';

-- The mapping as it will be used, and the key that goes with it.
create function app_private.checked_table_mapping(
  target text, role_name text, header text[], mapping jsonb, unique_key text, out checked jsonb, out key_name text
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_entry record;
  v_key text;
  v_key_columns text[] := '{}';
  v_missing text;
begin
  checked := jsonb_strip_nulls(mapping);
  if jsonb_typeof(checked) is distinct from 'object' or checked = '{}' then
    raise exception 'The mapping must name a column for each field'
      using errcode = 'INVAL', column = 'mapping', hint = 'For example {"name": "title"}';
  end if;
  for v_entry in
    select e.key, e.value, c.name
    from jsonb_each(checked) e
    left join app_hidden.import_columns(checked_table_mapping.target, role_name) c on c.name = e.key
  loop
    if v_entry.name is null then
      raise exception 'There is no field named % that you may import', left(v_entry.key, 60)
        using errcode = 'INVAL', column = 'mapping', hint = 'Leave it out';
    end if;
    if jsonb_typeof(v_entry.value) <> 'string' then
      raise exception 'The column of % must be a text', v_entry.key using errcode = 'INVAL', column = 'mapping';
    end if;
    if (v_entry.value #>> '{}') <> all (header) and (v_entry.value #>> '{}') !~ '^=.' then
      raise exception 'The file has no column named "%"', left(v_entry.value #>> '{}', 60)
        using errcode = 'INVAL', column = 'mapping', hint = 'Choose another column for ' || v_entry.key;
    end if;
  end loop;

  if checked_table_mapping.unique_key is distinct from 'none' then
    -- Unless one is asked for: the best whose columns are all in the file.
    select k.name, k.columns into v_key, v_key_columns
    from app_hidden.import_keys(checked_table_mapping.target, role_name) with ordinality
      as k (name, columns, folded, is_primary, owners, place)
    where case
      when checked_table_mapping.unique_key is not null then k.name = checked_table_mapping.unique_key
      else checked ?& k.columns
    end
    order by k.place
    limit 1;
    if v_key is null and checked_table_mapping.unique_key is not null then
      raise exception 'There is no such key' using errcode = 'INVAL', column = 'unique_key', hint = case
        when exists (select from app_hidden.import_keys(checked_table_mapping.target, role_name))
          then 'Choose one of the keys offered, or "none"'
        else 'This table has no key to find a record by: choose "none", and every row is a new record'
      end;
    end if;
    if v_key is not null and not checked ?& v_key_columns then
      raise exception 'The key needs a column for: %', array_to_string(v_key_columns, ', ')
        using errcode = 'INVAL', column = 'mapping', hint = 'Choose the columns, or another key';
    end if;
    if v_key is not null and not exists (
      select from unnest(v_key_columns) c where (checked ->> c) = any (header)
    ) then
      raise exception 'With this key every row would be the same record'
        using errcode = 'INVAL', column = 'mapping', hint = 'Choose a column of the file for ' || v_key_columns[1];
    end if;
  end if;
  key_name := coalesce(v_key, 'none');

  -- A key that may not be written is of use to find records by, and for nothing else.
  select coalesce(jsonb_object_agg(e.key, e.value), '{}') into checked
  from jsonb_each(checked) e
  join app_hidden.import_columns(checked_table_mapping.target, role_name) c on c.name = e.key
  where not c.match_only or c.name = any (v_key_columns);
  select c.name into v_missing
  from app_hidden.import_columns(checked_table_mapping.target, role_name) c
  where not c.nullable and c.default_value is null and not c.match_only and not checked ? c.name
  order by c.place
  limit 1;
  if v_missing is not null then
    raise exception 'Choose the column that holds the %', app_hidden.import_label(v_missing)
      using errcode = 'INVAL', column = 'mapping';
  end if;
end
$$;
comment on function app_private.checked_table_mapping(text, text, text[], jsonb, text) is
  'Refuses a mapping that cannot work for this table and header; else returns it, and the name of the key ("none" when every row is new).';
revoke execute on function app_private.checked_table_mapping(text, text, text[], jsonb, text) from public;

-- The first row with a key wins, wherever in the file the others stand. Compared
-- as text: "1" and "1.0" are told apart here and meet at the unique index.
create function app_private.mark_repeated_keys(run app_public.import_runs) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  with parts as materialized (
    -- Once, not for every row.
    select c.place, c.folded, array_position(run.header, run.mapping ->> c.name) as at,
      substr(run.mapping ->> c.name, 2) as fixed
    from app_hidden.import_keys(run.target, coalesce(run.requested_role, ':ROLE_BRAND_OWNER')) u
    cross join lateral unnest(u.columns, u.folded) with ordinality as c (name, folded, place)
    where u.name = run.unique_key
  ),
  keys as (
    select i.line_no, array_agg(case when p.folded then lower(t.value) else t.value end order by p.place) as key
    from app_private.import_rows i
    cross join parts p
    cross join lateral (select app_hidden.import_text(coalesce(i.fields[p.at], p.fixed)) as value) t
    where i.run_id = run.id and cardinality(i.fields) = cardinality(run.header)
    group by i.line_no
  )
  update app_private.import_rows s set first_line = d.first_line
  from (
    select k.line_no, min(k.line_no) over (partition by k.key) as first_line
    from keys k
    where array_position(k.key, null) is null
  ) d
  where s.run_id = run.id and s.line_no = d.line_no and d.first_line < d.line_no
$$;
comment on function app_private.mark_repeated_keys(app_public.import_runs) is 'Marks staged rows that repeat the key of an earlier line.';
revoke execute on function app_private.mark_repeated_keys(app_public.import_runs) from public;

create function app_hidden.import_plan(run app_public.import_runs)
returns table (
  place integer, name text, type text, kind text, item_type text, is_array boolean, nullable boolean,
  default_value text, updatable boolean, match_only boolean, at integer, fixed text, in_key boolean, folded boolean
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select (row_number() over (order by c.place))::integer, c.name, c.type, c.kind, c.item_type, c.is_array, c.nullable,
    c.default_value, c.updatable, c.match_only,
    array_position(run.header, m.value), substr(m.value, 2),
    k.name is not null, coalesce(k.folded[array_position(k.columns, c.name)], false)
  from jsonb_each_text(run.mapping) m
  join app_hidden.import_columns(run.target) c on c.name = m.key
  left join app_hidden.import_keys(run.target) k on k.name = run.unique_key and c.name = any (k.columns)
$$;
comment on function app_hidden.import_plan(app_public.import_runs) is 'The mapped columns of a run, each with where its value comes from and how it is stored.';

revoke execute on function
  app_hidden.import_scope(text, text), app_hidden.import_columns(text, text),
  app_hidden.import_keys(text, text), app_hidden.import_plan(app_public.import_runs)
from public;
grant execute on function
  app_hidden.import_scope(text, text), app_hidden.import_columns(text, text),
  app_hidden.import_keys(text, text), app_hidden.import_plan(app_public.import_runs)
to :ROLE_MANAGER, :ROLE_USER, :ROLE_STAFF;
--! EndIncluded functions/import/table_columns.sql
--! Included functions/import/table_batch.sql
-- Import into any table that the role of a run may insert into: columns of the
-- file straight into columns of the table, row by row. Its names reach SQL
-- through %I and format_type only, values never. Everything here runs as the
-- person who imports: grants say which columns, policies say which rows. The
-- columns of the owner are filled from the run and cannot be mapped.

drop function if exists app_hidden.import_table_batch(uuid, integer, integer);
drop function if exists app_hidden.import_table_rows(uuid, integer, integer);
drop function if exists app_hidden.import_refusal(text, text, text, text, text, text, text);

-- What a person reads when the database refuses a row: {field, code, sentence}.
-- The tag "@error CODE field sentence" of a constraint's comment comes first; no
-- message, name or value of PostgreSQL's own gets through.
create function app_hidden.import_refusal(
  target text, state text, message text, schema_name text, table_name text, constraint_name text, column_name text
) returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table oid := to_regclass(format('%I.%I', schema_name, table_name));
  v_comment text;
  v_tag text[];
  v_column text;
  v_label text;
  v_most text;
begin
  if state in ('INVAL', 'DNIED', 'TAKEN', 'INUSE', 'NTFND', 'LIMIT', 'LASTO', 'NOMAP', 'EXPRD') then
    return array[coalesce(nullif(column_name, ''), 'row'), state, message];
  end if;
  select coalesce(obj_description(k.oid, 'pg_constraint'), ''), a.attname::text,
    (regexp_match(pg_get_constraintdef(k.oid), 'length\(\(?"?[a-z_0-9]+"?\)?(?:::[a-z ]+)?\) <= (\d{1,9})'))[1]
  into v_comment, v_column, v_most
  from pg_constraint k
  left join pg_attribute a on a.attrelid = k.conrelid and a.attnum = (
    select n from unnest(k.conkey) with ordinality as c (n, at)
    join pg_attribute b on b.attrelid = k.conrelid and b.attnum = c.n
    where b.attname <> 'brand_id' order by c.at desc limit 1
  )
  where k.conrelid = v_table and k.conname = constraint_name;
  if v_comment is null then
    select coalesce(obj_description(i.indexrelid, 'pg_class'), '') into v_comment
    from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = v_table and c.relname = constraint_name;
  end if;
  v_tag := regexp_match(v_comment, '^@error[ \t]+(\S+)[ \t]+(\S+)[ \t]+([^\n]+)', 'n');
  if v_tag is not null then
    return array[v_tag[2], v_tag[1], rtrim(v_tag[3], '. ')];
  end if;
  if v_table = to_regclass(format('app_public.%I', target)) then
    v_column := coalesce(v_column, nullif(column_name, ''), 'row');
  else
    v_column := 'row';
  end if;
  v_label := case when v_column = 'row' then 'value' else app_hidden.import_label(v_column) end;
  return case state
    when '23505' then array[v_column, 'TAKEN', format('Another record already has this %s', v_label)]
    when '23P01' then array[v_column, 'TAKEN', format('Another record is in the way of this %s', v_label)]
    when '23503' then array[v_column, 'NTFND', format('There is no such %s', v_label)]
    when '23502' then array[v_column, 'EMPTY', format('No %s', v_label)]
    when '23514' then array[v_column, 'INVAL', case
      when v_most is not null then format('The %s has %s characters at most', v_label, v_most)
      else format('The %s is not one the table accepts', v_label)
    end]
    when '42501' then array['row', 'DNIED', 'You may not store this record']
    when '44000' then array['row', 'DNIED', 'You may not store this record']
    else array['row', 'INVAL', 'A rule of the table refuses this row']
  end;
end
$$;
comment on function app_hidden.import_refusal(text, text, text, text, text, text, text) is 'Field, code and sentence for a row that the database refused.';

-- The rows after a line, without the bookkeeping: a dry run does this for one
-- batch after the other in one transaction, which is rolled back at its end. So
-- each batch sees those before it, and is refused what it would be for real.
create function app_hidden.import_table_rows(
  run_id uuid, after_line integer, batch_size integer,
  out last_line integer, out created integer, out updated integer, out unchanged integer, out refusals jsonb
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs := app_hidden.lock_import_run(import_table_rows.run_id, import_table_rows.after_line);
  v_person_id uuid := app_hidden.current_user_id();
  v_rows jsonb;
  v_refusals jsonb[];
  v_values text;       -- ($1)[1]::type as "name", …
  v_owner text;        -- whose records may be found
  v_match text;        -- how a record is found; null when every row is new
  v_hit text;          -- a column that a found record surely has
  v_differs text;      -- a written column that says something else
  v_frozen text;       -- the first such column that may not be changed
  v_insert text;
  v_update text;
  v_id integer;        -- where the values hold a key that may not be given
  v_id_name text;
  v_row record;
  v_fault text[];
  v_count integer;
  v_state text;
  v_message text;
  v_schema text;
  v_table text;
  v_constraint text;
  v_column text;
begin
  if (select count(*) from app_hidden.import_plan(v_run)) <> (select count(*) from jsonb_object_keys(v_run.mapping))
    or (v_run.unique_key <> 'none' and not exists (select from app_hidden.import_plan(v_run) p where p.in_key)) then
    raise exception 'The columns of this import may no longer be written' using errcode = 'DNIED', hint = 'Upload the file again';
  end if;

  -- 1. Every cell to a value of its column, or the one reason the row is refused.
  with plan as materialized (select p.* from app_hidden.import_plan(v_run) p),
  staged as materialized (
    select s.* from app_hidden.staged_import_rows(v_run.id, v_run.checkpoint_line, import_table_rows.batch_size) s
  ),
  texts as materialized (
    -- As import_text reads it, written out: this is the most frequent step of all.
    select s.line_no, p.place,
      case when c.t = '' or upper(c.t) in ('NA', 'N/A', '#N/A', 'NULL', 'NAN') then null else c.t end as value
    from staged s
    cross join plan p
    cross join lateral (
      select btrim(coalesce(s.fields[p.at], p.fixed), E' \t\n\r\x0b\f\u00a0\u200b\ufeff') as t
    ) b
    cross join lateral (
      select case
        when b.t ~ E'^''[=+@\t\r\n-]' then btrim(substr(b.t, 2), E' \t\n\r\x0b\f\u00a0\u200b\ufeff') else b.t
      end as t
    ) c
    where cardinality(s.fields) = cardinality(v_run.header)
  ),
  converted as materialized (
    -- Each value once: a season stands in many rows.
    select d.place, d.value, app_hidden.import_value(d.value, p.kind, p.item_type, p.is_array) as read
    from (select distinct t.place, t.value from texts t where t.value is not null) d
    join plan p on p.place = d.place
  ),
  cells as (
    select t.line_no, p.place, p.name, c.read[1] as value, case
      when c.read[2] is not null then array['INVAL', c.read[2]]
      when t.value is null and (
        not p.nullable and p.default_value is null or p.in_key and p.default_value is null
      ) then array['EMPTY', 'No ' || app_hidden.import_label(p.name)]
    end as fault
    from texts t
    join plan p on p.place = t.place
    left join converted c on c.place = t.place and c.value = t.value
  ),
  read as (
    select c.line_no, array_agg(c.value order by c.place) as "values",
      (array_agg(c.name order by c.place) filter (where c.fault is not null))[1] as field,
      (array_agg(c.fault[1] order by c.place) filter (where c.fault is not null))[1] as code,
      (array_agg(c.fault[2] order by c.place) filter (where c.fault is not null))[1] as reason
    from cells c
    group by c.line_no
  ),
  judged as (
    select s.line_no, r."values", case
      when exists (select from unnest(s.fields) u where left(u, 1) = '"' and u ~ E'[\n\r]')
        then array['row', 'QUOTE', 'A quote is not closed where it should be, so following lines became part of this row']
      when cardinality(s.fields) < cardinality(v_run.header) then array['row', 'SHORT', format(
        '%s %s where the header has %s: the line is cut off, or a delimiter is missing',
        cardinality(s.fields), case cardinality(s.fields) when 1 then 'field' else 'fields' end, cardinality(v_run.header))]
      when cardinality(s.fields) > cardinality(v_run.header) then array['row', 'LONGR', format(
        '%s fields where the header has %s: a text that contains the delimiter may lack its quotes',
        cardinality(s.fields), cardinality(v_run.header))]
      when r.code is not null then array[r.field, r.code, r.reason]
      when s.first_line is not null then (
        select array[min(p.name), 'TWICE', format('Line %s of this file already has the same %s', s.first_line,
          string_agg(app_hidden.import_label(p.name), ' and ' order by p.place))]
        from plan p where p.in_key)
    end as fault
    from staged s
    left join read r on r.line_no = s.line_no
  )
  select max(j.line_no),
    coalesce(jsonb_agg(jsonb_build_object('l', j.line_no, 'v', j."values") order by j.line_no) filter (where j.fault is null), '[]'),
    array_agg(jsonb_build_object('line_no', j.line_no, 'field', j.fault[1], 'code', j.fault[2], 'reason', j.fault[3]))
      filter (where j.fault is not null)
  into last_line, v_rows, v_refusals
  from judged j;
  created := 0;
  updated := 0;
  unchanged := 0;
  if last_line is null then
    -- Nothing is staged after the checkpoint: the run is at its end.
    return;
  end if;

  -- 2. The statements. $1 is the row, $2 the brand, $3 the person. An empty cell of
  -- a column that must have a value takes the default in a new record and keeps
  -- what a record has.
  select
    string_agg(format('(r.v[%s])::%s as %I', p.place, p.type, p.name), ', ' order by p.place),
    string_agg(
      case when p.folded then format('lower(t.%1$I) = lower(n.%1$I)', p.name) else format('t.%1$I = n.%1$I', p.name) end,
      ' and ' order by p.place
    ) filter (where p.in_key),
    coalesce(string_agg(format('(%s)', d.differs), ' or ' order by p.place) filter (where d.compared), 'false'),
    'case ' || string_agg(format('when %s then %L', d.differs, p.name), ' ' order by p.place)
      filter (where d.compared and not p.updatable) || ' end',
    format('insert into app_public.%I (%s) select %s from (select $1 as v) r',
      v_run.target,
      concat_ws(', ', min(o.names), string_agg(format('%I', p.name), ', ' order by p.place) filter (where not p.match_only)),
      concat_ws(', ', min(o."values"), string_agg(case
        when not p.nullable and p.default_value is not null
          then format('coalesce((r.v[%s])::%s, %s)', p.place, p.type, p.default_value)
        else format('(r.v[%s])::%s', p.place, p.type)
      end, ', ' order by p.place) filter (where not p.match_only))),
    string_agg(case
      when p.nullable then format('%1$I = n.%1$I', p.name) else format('%1$I = coalesce(n.%1$I, t.%1$I)', p.name)
    end, ', ' order by p.place) filter (where d.compared and p.updatable),
    min(p.place) filter (where p.match_only),
    min(p.name) filter (where p.match_only),
    min(o.owner),
    min(p.name) filter (where p.in_key)
  into v_values, v_match, v_differs, v_frozen, v_insert, v_update, v_id, v_id_name, v_owner, v_hit
  from app_hidden.import_plan(v_run) p
  cross join (
    select string_agg(format('%I', s.name), ', ' order by s.name) filter (where s.source <> 'none') as names,
      string_agg(case s.source when 'brand' then '$2' else '$3' end, ', ' order by s.name)
        filter (where s.source <> 'none') as "values",
      coalesce(string_agg(case s.source
        when 'brand' then format('t.%I = $2', s.name)
        when 'person' then format('t.%I = $3', s.name)
        else format('t.%I is null', s.name)
      end, ' and ' order by s.name) filter (where s.source = 'brand' or s.name = any (k.owners)), 'true') as owner
    from app_hidden.import_scope(v_run.target) s
    left join app_hidden.import_keys(v_run.target) k on k.name = v_run.unique_key
  ) o
  cross join lateral (
    select not p.in_key or p.folded as compared, case
      when p.is_array and p.kind <> 'json' then format('t.%1$I is distinct from n.%1$I', p.name)
      when p.kind = 'text' then format(
        't.%1$I is distinct from n.%1$I and app_hidden.import_text(t.%1$I::text) is distinct from n.%1$I::text', p.name)
      when p.kind = 'json' then format('to_jsonb(t.%1$I) is distinct from to_jsonb(n.%1$I)', p.name)
      else format('t.%1$I is distinct from n.%1$I', p.name)
    end || case when p.nullable then '' else format(' and n.%I is not null', p.name) end as differs
  ) d;
  v_update := format(
    'update app_public.%I t set %s from (select %s from (select $1 as v) r) n where %s and %s',
    v_run.target, v_update, v_values, v_owner, v_match
  );

  -- 3. The rows, each in a step of its own: what is refused leaves the others be.
  set constraints all immediate;
  for v_row in execute case
    when v_match is null then
      'select r.l, r.v, false as found, false as differs, null::text as frozen from jsonb_to_recordset($1) as r (l integer, v text[]) order by r.l'
    else format(
      'select r.l, r.v, t.%I is not null as found, (%s) as differs, %s as frozen
       from jsonb_to_recordset($1) as r (l integer, v text[])
       cross join lateral (select %s) n
       left join app_public.%I t on %s and %s
       order by r.l',
      v_hit, v_differs, coalesce(v_frozen, 'null::text'), v_values, v_run.target, v_owner, v_match)
    end
    using v_rows, v_run.brand_id, v_person_id
  loop
    if v_row.found and not v_row.differs then
      unchanged := unchanged + 1;
      continue;
    end if;
    v_fault := null;
    if v_row.found and v_row.frozen is not null then
      v_fault := array[v_row.frozen, 'INVAL', format(
        'The %s of a record cannot be changed', app_hidden.import_label(v_row.frozen))];
    elsif not v_row.found and v_row.v[v_id] is not null then
      -- The id of a record that is not there, and ids cannot be given.
      v_fault := array[v_id_name, 'NTFND', 'There is no record with this ' || app_hidden.import_label(v_id_name)];
    else
      begin
        execute case when v_row.found then v_update else v_insert end using v_row.v, v_run.brand_id, v_person_id;
        get diagnostics v_count = row_count;
        if v_count = 0 then
          -- Seen, and no policy lets the person change it.
          v_fault := array['row', 'DNIED', 'You may not change this record'];
        end if;
      exception when others then
        get stacked diagnostics v_state = returned_sqlstate, v_message = message_text, v_schema = schema_name,
          v_table = table_name, v_constraint = constraint_name, v_column = column_name;
        -- A fault of the row is told and passed over; locks that collided, a
        -- full disk and whatever else is no fault of the row ends the batch.
        if v_state !~ '^(22|23|44)' and v_state not in (
          '42501', 'P0001', 'INVAL', 'DNIED', 'TAKEN', 'INUSE', 'NTFND', 'LIMIT', 'LASTO', 'NOMAP', 'EXPRD'
        ) then
          raise;
        end if;
        v_fault := app_hidden.import_refusal(
          v_run.target, v_state, v_message, v_schema, v_table, v_constraint, v_column);
      end;
    end if;
    if v_fault is not null then
      v_refusals := v_refusals || jsonb_build_object(
        'line_no', v_row.l, 'field', v_fault[1], 'code', v_fault[2], 'reason', v_fault[3]);
    elsif v_row.found then
      updated := updated + 1;
    else
      created := created + 1;
    end if;
  end loop;
  refusals := to_jsonb(coalesce(v_refusals, '{}'));
end
$$;
comment on function app_hidden.import_table_rows(uuid, integer, integer) is
  'Imports the next rows of the caller''s own run into its table, as the caller; says what became of them, and no more. No last line when none are left.';

create function app_hidden.import_table_batch(run_id uuid, after_line integer, batch_size integer default 1000)
returns app_public.import_runs
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs := app_hidden.lock_import_run(import_table_batch.run_id, import_table_batch.after_line);
  v_done record;
begin
  if v_run.dry_run then
    -- Nothing would undo its rows.
    raise exception 'A dry run is not imported' using errcode = 'STATE';
  end if;
  select d.* into v_done
  from app_hidden.import_table_rows(v_run.id, v_run.checkpoint_line, import_table_batch.batch_size) d;
  if v_done.last_line is null then
    return v_run;
  end if;
  return app_hidden.record_import_batch(
    v_run.id, v_done.last_line, v_done.created, v_done.updated, v_done.unchanged, v_done.refusals
  );
end
$$;
comment on function app_hidden.import_table_batch(uuid, integer, integer) is
  'Imports the next rows of the caller''s own run into its table, as the caller, in one transaction; returns the run as it then is.';

revoke execute on function
  app_hidden.import_refusal(text, text, text, text, text, text, text),
  app_hidden.import_table_rows(uuid, integer, integer), app_hidden.import_table_batch(uuid, integer, integer)
from public;
grant execute on function
  app_hidden.import_refusal(text, text, text, text, text, text, text),
  app_hidden.import_table_rows(uuid, integer, integer), app_hidden.import_table_batch(uuid, integer, integer)
to :ROLE_MANAGER, :ROLE_USER, :ROLE_STAFF;
--! EndIncluded functions/import/table_batch.sql
--! Included functions/import/worker.sql
-- What the worker does for a run, around the batches: take it up, stage it,
-- find repeated SKUs, learn on whose behalf the next batch runs, end it. Only
-- the worker may call these; none writes a product.

drop function if exists app_private.claim_import_run(uuid);
drop function if exists app_private.import_staging_goes_on(uuid);
drop function if exists app_private.stage_refused_rows(uuid);
drop function if exists app_private.finish_import_staging(uuid);
drop function if exists app_private.record_rehearsal(uuid, integer, integer, integer, integer, jsonb);
drop function if exists app_private.restart_rehearsal(uuid);
drop function if exists app_private.import_step(uuid);
drop function if exists app_private.end_import_run(uuid, app_public.import_status, text, text);
drop function if exists app_private.import_requester(text, text);
drop function if exists app_private.tidy_imports();

create function app_private.claim_import_run(run_id uuid) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs;
begin
  update app_public.import_runs r set
    status = 'staging', started_at = coalesce(r.started_at, now())
  where r.id = claim_import_run.run_id and r.status in ('queued', 'staging', 'running')
  returning r.* into v_run;
  if not found then
    -- Cancelled while it waited, or done already by a job that ran before.
    select r.* into v_run from app_public.import_runs r where r.id = claim_import_run.run_id;
  elsif v_run.dry_run and v_run.method = 'table' then
    -- Nothing is left of an earlier attempt but its figures.
    v_run := app_private.restart_rehearsal(v_run.id);
  elsif v_run.processed_rows = 0 then
    -- From the beginning: what a dry run before it refused is no longer true.
    delete from app_public.import_refusals f where f.run_id = v_run.id;
  end if;
  return v_run;
end
$$;
comment on function app_private.claim_import_run(uuid) is 'Moves a waiting or interrupted run to staging and returns it; a run in any other state is returned as it is.';

-- A dry run into a table is one transaction: it goes on after nothing, it begins
-- again.
create function app_private.restart_rehearsal(run_id uuid) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs;
begin
  update app_public.import_runs r set
    processed_rows = 0, created_count = 0, updated_count = 0, unchanged_count = 0, refused_count = 0,
    checkpoint_line = 0
  where r.id = restart_rehearsal.run_id and r.dry_run
  returning r.* into v_run;
  delete from app_public.import_refusals f where f.run_id = v_run.id;
  return v_run;
end
$$;
comment on function app_private.restart_rehearsal(uuid) is 'Forgets what a dry run has counted and refused so far.';

-- On another connection than the one whose rows will be rolled back.
create function app_private.record_rehearsal(
  run_id uuid, last_line integer, created integer, updated integer, unchanged integer, refusals jsonb
) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from app_public.import_runs r where r.id = record_rehearsal.run_id and r.dry_run) then
    raise exception 'This is no dry run' using errcode = 'STATE';
  end if;
  return app_private.add_import_batch(run_id, last_line, created, updated, unchanged, refusals);
end
$$;
comment on function app_private.record_rehearsal(uuid, integer, integer, integer, integer, jsonb) is 'Adds what became of a batch of a dry run: counts, refused lines, checkpoint.';

create function app_private.import_staging_goes_on(run_id uuid) returns boolean
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  -- Touching the row shows that somebody is at work on it.
  update app_public.import_runs r set status = r.status
  where r.id = import_staging_goes_on.run_id
  returning r.status = 'staging'
$$;
comment on function app_private.import_staging_goes_on(uuid) is 'A sign of life of a run being staged; false when it was cancelled meanwhile.';

create function app_private.stage_refused_rows(run_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into app_private.import_rows (run_id, line_no, fields, first_line)
  select r.id, f.line_no, f.fields, f.first_line
  from app_public.import_runs r
  join app_public.import_refusals f on f.run_id = r.rerun_of
    and (f.brand_id = r.brand_id or f.user_id = r.user_id)
  where r.id = stage_refused_rows.run_id
$$;
comment on function app_private.stage_refused_rows(uuid) is 'Stages the rows that the earlier run refused; the file itself is not needed.';

-- Called in the transaction that staged the rows. The first row with a SKU wins,
-- wherever in the file the others stand.
create function app_private.finish_import_staging(run_id uuid) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs;
  v_at integer;
begin
  select r.* into v_run from app_public.import_runs r where r.id = finish_import_staging.run_id;
  if v_run.rerun_of is null and v_run.method = 'table' then
    perform app_private.mark_repeated_keys(v_run);
  elsif v_run.rerun_of is null then
    v_at := array_position(v_run.header, v_run.mapping ->> 'sku');
    update app_private.import_rows s set first_line = d.first_line
    from (
      select k.line_no, min(k.line_no) over (partition by k.sku) as first_line
      from (
        select i.line_no, btrim(
          translate(replace(i.fields[v_at], E'\r\n', ' '), E'\t\n\r\x0b\f\u00a0', '      '), E' \u200b\ufeff'
        ) as sku
        from app_private.import_rows i
        where i.run_id = v_run.id and cardinality(i.fields) = cardinality(v_run.header)
      ) k
      where k.sku <> ''
    ) d
    where s.run_id = v_run.id and s.line_no = d.line_no and d.first_line < d.line_no;
  end if;
  update app_public.import_runs r set
    total_rows = (select count(*) from app_private.import_rows i where i.run_id = r.id),
    status = case when r.status = 'staging' then 'running' else r.status end
  where r.id = v_run.id
  returning r.* into v_run;
  return v_run;
end
$$;
comment on function app_private.finish_import_staging(uuid) is 'Marks rows that repeat a SKU of the same file, counts the rows and lets the run begin.';

-- Asked before every batch: what is to be done, and as whom. For a brand the role
-- is read from the membership of this moment; a person must still have the very
-- role the run was started in. Otherwise it is null and nothing more is imported
-- in that person's name.
create function app_private.import_step(run_id uuid)
returns table (
  status app_public.import_status, checkpoint_line integer, total_rows integer, processed_rows integer,
  role_name text, user_id uuid, brand_id uuid
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select r.status, r.checkpoint_line, r.total_rows, r.processed_rows,
    case
      when r.brand_id is null then (
        select p.role_name from (select app_private.personal_role(u.id) as role_name) p
        where p.role_name = r.requested_role
      )
      when m.role = 'manager' then ':ROLE_MANAGER'
      when m.role = 'owner' then ':ROLE_BRAND_OWNER'
    end,
    u.id, m.brand_id
  from app_public.import_runs r
  left join app_public.brand_accounts b on b.id = r.brand_id and b.status in ('onboarding', 'active')
  left join app_public.users u on u.id = r.requested_by and u.status = 'active'
  left join app_public.brand_members m
    on m.brand_id = b.id and m.user_id = u.id and m.role >= 'manager'::app_public.brand_role
  where r.id = import_step.run_id
$$;
comment on function app_private.import_step(uuid) is 'Where a run stands, and as whom and in which role its next batch runs; no role when that person no longer has it.';

create function app_private.end_import_run(
  run_id uuid, outcome app_public.import_status, error_code text default null, error_message text default null
) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs;
begin
  if outcome not in ('completed', 'cancelled', 'failed') then
    raise exception 'A run cannot end as %', outcome using errcode = 'STATE';
  end if;
  update app_public.import_runs r set
    status = end_import_run.outcome,
    error_code = end_import_run.error_code,
    error_message = end_import_run.error_message,
    finished_at = now()
  where r.id = end_import_run.run_id and r.status in ('queued', 'staging', 'running', 'cancelling')
  returning r.* into v_run;
  if not found then
    select r.* into v_run from app_public.import_runs r where r.id = end_import_run.run_id;
  end if;
  delete from app_private.import_rows s where s.run_id = end_import_run.run_id;
  return v_run;
end
$$;
comment on function app_private.end_import_run(uuid, app_public.import_status, text, text) is 'Ends a run as completed, cancelled or failed and empties its staging.';

create function app_private.import_requester(brand_slug text, email text default null)
returns table (role_name text, user_id uuid, brand_id uuid, brand_name text, user_email text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select case m.role when 'manager' then ':ROLE_MANAGER' when 'owner' then ':ROLE_BRAND_OWNER' end,
    m.user_id, m.brand_id, b.name, u.email
  from app_public.brand_accounts b
  join app_public.brand_members m on m.brand_id = b.id
  join app_public.users u on u.id = m.user_id and u.status = 'active'
  where b.slug = import_requester.brand_slug
    and b.status in ('onboarding', 'active')
    and case
      when import_requester.email is null then m.role = 'owner'::app_public.brand_role
      else u.email = lower(import_requester.email) and m.role >= 'manager'::app_public.brand_role
    end
  order by m.created_at, m.user_id
  limit 1
$$;
comment on function app_private.import_requester(text, text) is 'For the command line: the member in whose name a brand''s catalogue is imported; its first owner unless an e-mail says otherwise.';

-- A run that should move and has not for five minutes lost its worker. A file
-- is let go when its time is over and no run needs it; what deletes files then
-- finds that nothing refers to it.
create function app_private.tidy_imports() returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run_id uuid;
  v_queued integer := 0;
  v_released integer;
begin
  for v_run_id in
    select r.id
    from app_public.import_runs r
    where r.status in ('queued', 'staging', 'running', 'cancelling')
      and r.updated_at < now() - interval '5 minutes'
  loop
    perform app_private.queue_import_run(v_run_id);
    v_queued := v_queued + 1;
  end loop;

  update app_public.import_runs r set
    storage_key = null,
    status = case when r.status = 'uploaded' then 'cancelled' else r.status end,
    finished_at = coalesce(r.finished_at, now())
  from app_public.storage_objects o
  where o.key = r.storage_key and o.retention_until < now()
    and r.status in ('uploaded', 'completed', 'cancelled', 'failed');
  get diagnostics v_released = row_count;
  return jsonb_build_object('queued', v_queued, 'released', v_released);
end
$$;
comment on function app_private.tidy_imports() is 'Queues stalled imports again and lets go of files past their time; returns how many of each.';

revoke execute on function
  app_private.claim_import_run(uuid), app_private.import_staging_goes_on(uuid), app_private.stage_refused_rows(uuid),
  app_private.finish_import_staging(uuid), app_private.import_step(uuid),
  app_private.restart_rehearsal(uuid), app_private.record_rehearsal(uuid, integer, integer, integer, integer, jsonb),
  app_private.end_import_run(uuid, app_public.import_status, text, text),
  app_private.import_requester(text, text), app_private.tidy_imports()
from public;
grant execute on function
  app_private.claim_import_run(uuid), app_private.import_staging_goes_on(uuid), app_private.stage_refused_rows(uuid),
  app_private.finish_import_staging(uuid), app_private.import_step(uuid),
  app_private.restart_rehearsal(uuid), app_private.record_rehearsal(uuid, integer, integer, integer, integer, jsonb),
  app_private.end_import_run(uuid, app_public.import_status, text, text),
  app_private.import_requester(text, text), app_private.tidy_imports()
to :ROLE_WORKER;
--! EndIncluded functions/import/worker.sql
--! Included policies/import_runs.sql
-- A run is of a brand, or of one person. Managers see the brand's imports, a
-- person the own ones, staff all of them. Runs are made and changed by functions
-- only: no insert is granted, because the worker reads the file that a run names.
call app_private.close_table('app_public.import_runs');

create policy fence_brand on app_public.import_runs as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_brand on app_public.import_runs for select to :ROLE_MANAGER using (true);
-- What somebody imported as staff stays with the staff.
create policy select_own on app_public.import_runs for select to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()) and requested_role = ':ROLE_USER');
create policy select_staff on app_public.import_runs for select to :ROLE_STAFF using (true);

grant select on app_public.import_runs to :ROLE_MANAGER, :ROLE_USER, :ROLE_STAFF;
--! EndIncluded policies/import_runs.sql
--! Included policies/import_refusals.sql
-- As the run they belong to: managers of the brand and the person whose run it is
-- read them, staff those of brands and their own. Not those of a shopper: they
-- hold lines of a wardrobe. A definer function of the import writes them.
call app_private.close_table('app_public.import_refusals');

create policy fence_brand on app_public.import_refusals as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_brand on app_public.import_refusals for select to :ROLE_MANAGER using (true);
create policy select_own on app_public.import_refusals for select to :ROLE_USER
  using (
    user_id = (select app_hidden.current_user_id())
    and exists (select from app_public.import_runs r where r.id = run_id)
  );
create policy select_staff on app_public.import_refusals for select to :ROLE_STAFF
  using (brand_id is not null or user_id = (select app_hidden.current_user_id()));

grant select on app_public.import_refusals to :ROLE_MANAGER, :ROLE_USER, :ROLE_STAFF;
--! EndIncluded policies/import_refusals.sql

-- Down here, because who is told of a run depends on the column added above.
--! Included functions/live/live_tables.sql
-- Which tables are live, and whose their rows are. A brand's members are told of
-- the brand's rows, a person of the own ones, staff of all where a policy lets
-- them read all.
call app_private.announce_changes('app_public.products', brand_column => 'brand_id');
call app_private.announce_changes('app_public.import_runs', brand_column => 'brand_id', user_column => 'user_id');
call app_private.announce_changes('app_public.brand_members', brand_column => 'brand_id', user_column => 'user_id');
call app_private.announce_changes('app_public.brand_invitations', brand_column => 'brand_id');
-- Colleagues must not learn that somebody keeps views of their own.
call app_private.announce_changes('app_public.saved_views', user_column => 'user_id');
call app_private.announce_changes('app_public.wardrobe_items', user_column => 'user_id');
call app_private.announce_changes('app_public.wardrobe_categories');
--! EndIncluded functions/live/live_tables.sql

--------------------------------------------------------------------------------
-- 5040 Full-text search in the filter of a list, by a function that a tag names.
--------------------------------------------------------------------------------

--! Included functions/catalogue/matching.sql
-- Which rows a person's words find, for the filter `search` of a list (the tag
-- @admin.search on the table names the function). The list itself is still read
-- under the caller's policies; these only spare it from comparing every row: the
-- operator @@ is not leakproof, so below a policy with an expression it uses no
-- index. Any word may be the beginning of one, because people type on.
create or replace function app_hidden.search_query(search text) returns tsquery
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select websearch_to_tsquery('english', search)
    || websearch_to_tsquery('simple', search)
    || coalesce((
      select string_agg(quote_literal(w) || ':*', ' & ')
      from regexp_split_to_table(lower(left(search, 200)), '[^[:alnum:]]+') as w
      where w <> ''
    ), '')::tsquery
$$;
comment on function app_hidden.search_query(text) is 'The words of a search as a text query: as typed, by their stem, or as beginnings of words.';
revoke execute on function app_hidden.search_query(text) from public;
grant execute on function app_hidden.search_query(text) to :ROLE_USER;

-- As its owner, so it asks itself who calls: a brand searches its own products,
-- staff all of them, anybody else the active ones. Ranked and bounded: whoever
-- finds 2,000 products is better served by another word.
create or replace function app_hidden.matching_products(search text) returns setof uuid
language plpgsql stable security definer rows 200
set search_path = pg_catalog, pg_temp
as $$
declare
  v_query tsquery := app_hidden.search_query(search);
  v_brand uuid := app_hidden.current_brand_id();
  v_is_of_brand boolean;
  v_is_staff boolean;
begin
  select coalesce(bool_or(pg_has_role(r.oid, ':ROLE_VIEWER', 'usage')), false),
         coalesce(bool_or(pg_has_role(r.oid, ':ROLE_STAFF', 'usage')), false)
    into v_is_of_brand, v_is_staff
  from pg_roles r
  where r.rolname = current_setting('role', true);

  if v_is_of_brand then
    return query
      select p.id from app_public.products p
      where p.brand_id = v_brand and p.fts @@ v_query
      order by ts_rank(p.fts, v_query) desc, p.id
      limit 2000;
  else
    return query
      select m.id from (
        -- Ranking reads every match: a word that is in everything must not cost seconds.
        select p.id, p.fts from app_public.products p
        where p.fts @@ v_query and (v_is_staff or p.active)
        limit 10000
      ) m
      order by ts_rank(m.fts, v_query) desc, m.id
      limit 2000;
  end if;
end
$$;
comment on function app_hidden.matching_products(text) is 'Keys of the products that the words find, to be read under the policies: best first, at most 2,000.';
revoke execute on function app_hidden.matching_products(text) from public;
grant execute on function app_hidden.matching_products(text) to :ROLE_ANONYMOUS, :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF;

-- As the caller: a wardrobe is narrowed by its person first, through an index.
create or replace function app_hidden.matching_wardrobe_items(search text) returns setof uuid
language sql stable rows 50
set search_path = pg_catalog, pg_temp
as $$
  select w.id from app_public.wardrobe_items w
  where w.user_id = (select app_hidden.current_user_id())
    and w.fts @@ (select app_hidden.search_query(search))
  order by ts_rank(w.fts, (select app_hidden.search_query(search))) desc, w.id
  limit 2000
$$;
comment on function app_hidden.matching_wardrobe_items(text) is 'Keys of the caller''s own wardrobe items that the words find: best first, at most 2,000.';
revoke execute on function app_hidden.matching_wardrobe_items(text) from public;
grant execute on function app_hidden.matching_wardrobe_items(text) to :ROLE_USER;
--! EndIncluded functions/catalogue/matching.sql

comment on table app_public.products is $$
@admin.search app_hidden.matching_products
A garment a brand sells and offers for try-on. Its identity within the brand is the SKU.$$;
comment on table app_public.wardrobe_items is $$
@admin.search app_hidden.matching_wardrobe_items
A garment in a shopper's wardrobe. Setting deleted_at hides it, and past try-on jobs keep showing it.
It is the shopper's own.$$;

--------------------------------------------------------------------------------
-- 7000 Undo. Try-on jobs and credits are new: nothing is lost by dropping them.
--------------------------------------------------------------------------------

drop table if exists
  app_public.tryon_feedback, app_public.tryon_job_attempts, app_public.tryon_job_garments,
  app_public.credit_transfers, app_public.credit_hold_lines, app_public.credit_holds,
  app_public.credit_grants, app_public.credit_accounts, app_public.user_entitlements,
  app_public.tryon_jobs, app_public.worker_keys,
  app_private.worker_key_secrets, app_private.shopper_handles, app_private.tryon_transitions cascade;
drop type if exists
  app_public.tryon_status, app_public.tryon_payer, app_public.tryon_outcome,
  app_public.credit_account_kind, app_public.credit_source, app_public.credit_hold_status,
  app_public.credit_transfer_kind, app_public.entitlement_kind cascade;
drop table if exists
  app_public.mrr_movements, app_public.account_mrr, app_public.stripe_refunds, app_public.stripe_invoices,
  app_public.stripe_subscription_items, app_public.stripe_subscriptions, app_public.stripe_discounts,
  app_public.stripe_coupons, app_public.stripe_prices, app_public.stripe_products, app_public.stripe_customers,
  app_public.stripe_events, app_public.fx_rates, app_public.acquisition_costs, app_public.subscription_grants,
  app_private.stripe_raw, app_private.stripe_statuses cascade;
drop type if exists
  app_public.stripe_event_status, app_public.mrr_state, app_public.mrr_movement_kind, app_public.subscription_grant_kind cascade;
delete from app_private.partitioned_tables where parent = 'app_public.tryon_jobs';
alter table app_public.wardrobe_categories drop column if exists tryon_cost;

--------------------------------------------------------------------------------
-- 7010 Closed sets.
--------------------------------------------------------------------------------

create type app_public.tryon_status as enum ('queued', 'processing', 'completed', 'failed', 'cancelled', 'expired');
create type app_public.tryon_payer as enum ('user', 'brand', 'pro');
-- How one attempt ended: "retried" went back to the queue, "lost" was taken from
-- a worker that fell silent.
create type app_public.tryon_outcome as enum ('completed', 'failed', 'retried', 'lost');
create type app_public.credit_account_kind as enum ('available', 'held', 'system_grants', 'system_consumed', 'system_expired');
create type app_public.credit_source as enum ('free_monthly', 'promo', 'purchase', 'subscription', 'refund', 'adjustment');
create type app_public.credit_hold_status as enum ('open', 'captured', 'released', 'expired');
create type app_public.credit_transfer_kind as enum ('grant', 'hold', 'capture', 'release', 'expire', 'adjust');
create type app_public.entitlement_kind as enum ('pro_unlimited');

--------------------------------------------------------------------------------
-- 7020 What a try-on of a category costs. The price of a job is fixed when it is
-- asked for: a change here touches later jobs only.
--------------------------------------------------------------------------------

alter table app_public.wardrobe_categories
  add column tryon_cost integer not null default 1
    constraint wardrobe_categories_tryon_cost_check check (tryon_cost between 1 and 100);
comment on column app_public.wardrobe_categories.tryon_cost is $$
@admin.label Credits a try-on costs
Credits, 1 to 100. Holds of jobs that were asked for before a change keep their price.$$;
comment on constraint wardrobe_categories_tryon_cost_check on app_public.wardrobe_categories is $$
@error INVAL tryon_cost A try-on costs 1 to 100 credits.$$;

--------------------------------------------------------------------------------
-- 7030 Try-on jobs, one partition a month by their UUIDv7. A job is asked for,
-- paid by a hold, worked and settled once; only functions write here. Holds a
-- shopper's identity and selfie: brands read brand_tryon_jobs instead.
--------------------------------------------------------------------------------

create table app_public.tryon_jobs (
  id uuid not null default app_private.uuid_v7(),
  user_id uuid constraint tryon_jobs_user_id_fkey
    references app_public.users (id) on delete restrict,
  brand_id uuid constraint tryon_jobs_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  shopper_handle uuid,
  payer app_public.tryon_payer not null,
  status app_public.tryon_status not null default 'queued',
  category_code text not null constraint tryon_jobs_category_code_fkey
    references app_public.wardrobe_categories (code) on update cascade on delete restrict,
  selfie_key text constraint tryon_jobs_selfie_key_fkey
    references app_public.storage_objects (key) on delete restrict,
  result_key text constraint tryon_jobs_result_key_fkey
    references app_public.storage_objects (key) on delete restrict,
  cost integer not null,
  confidence numeric(5, 4),
  processing_ms integer,
  attempt integer not null default 0,
  max_attempts integer not null default 3,
  priority smallint not null default 0,
  run_after timestamptz not null default now(),
  locked_by text,
  locked_until timestamptz,
  deadline_at timestamptz not null default now() + interval '1 hour',
  error_code text,
  device_family text,
  app_version text,
  retry_of uuid,
  queued_at timestamptz not null default now(),
  started_at timestamptz,
  completed_at timestamptz,
  finished_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint tryon_jobs_pkey primary key (id),
  constraint tryon_jobs_retry_of_fkey foreign key (retry_of) references app_public.tryon_jobs (id) on delete restrict,
  -- Whoever pays is named; nobody tries on for nothing but a subscriber.
  constraint tryon_jobs_payer_check check (
    case payer when 'brand' then brand_id is not null else user_id is not null end
  ),
  constraint tryon_jobs_shopper_handle_check check ((shopper_handle is null) = (user_id is null or brand_id is null)),
  constraint tryon_jobs_cost_check check (case payer when 'pro' then cost = 0 else cost between 1 and 100 end),
  constraint tryon_jobs_confidence_check check (confidence between 0 and 1),
  constraint tryon_jobs_processing_ms_check check (processing_ms between 0 and 86400000),
  constraint tryon_jobs_attempt_check check (attempt between 0 and max_attempts),
  constraint tryon_jobs_max_attempts_check check (max_attempts between 1 and 10),
  constraint tryon_jobs_priority_check check (priority between -10 and 10),
  constraint tryon_jobs_lock_check check (
    (status = 'processing') = (locked_by is not null) and (status = 'processing') = (locked_until is not null)
  ),
  constraint tryon_jobs_completed_check check (
    status <> 'completed'
    or (result_key is not null and confidence is not null and processing_ms is not null and completed_at is not null)
  ),
  constraint tryon_jobs_completed_at_check check (completed_at >= created_at),
  constraint tryon_jobs_finished_at_check check (
    (status in ('completed', 'failed', 'cancelled', 'expired')) = (finished_at is not null) and finished_at >= created_at
  ),
  constraint tryon_jobs_error_code_check check (
    error_code ~ '^[A-Z][A-Z0-9_]{1,39}$' and (status not in ('failed', 'expired') or error_code is not null)
  ),
  constraint tryon_jobs_device_family_check check (
    device_family in ('iphone', 'ipad', 'android_phone', 'android_tablet', 'desktop', 'kiosk', 'other')
  ),
  constraint tryon_jobs_app_version_check check (app_version ~ '^[0-9A-Za-z.+-]{1,20}$')
) partition by range (id);

-- A shopper's and a brand's newest first; the rest serve keys and the queue. The
-- three partial ones hold only what waits or runs, so they stay small however
-- many jobs are done.
create index tryon_jobs_user_id_idx on app_public.tryon_jobs (user_id, id desc);
create index tryon_jobs_brand_id_idx on app_public.tryon_jobs (brand_id, id desc);
create index tryon_jobs_category_code_idx on app_public.tryon_jobs (category_code, id desc);
create index tryon_jobs_selfie_key_idx on app_public.tryon_jobs (selfie_key) where selfie_key is not null;
create index tryon_jobs_result_key_idx on app_public.tryon_jobs (result_key) where result_key is not null;
create index tryon_jobs_retry_of_idx on app_public.tryon_jobs (retry_of) where retry_of is not null;
create index tryon_jobs_claim_idx on app_public.tryon_jobs (priority desc, id) where status = 'queued';
create index tryon_jobs_deadline_at_idx on app_public.tryon_jobs (deadline_at) where status = 'queued';
create index tryon_jobs_locked_until_idx on app_public.tryon_jobs (locked_until) where status = 'processing';

comment on table app_public.tryon_jobs is $$
@admin.label Try-on jobs
@admin.singular Try-on job
@admin.group Try-on
@admin.icon accessibility
@admin.order 100
@admin.list id, status, category_code, payer, cost, attempt, queued_at, finished_at
@behavior -insert -update -delete
A virtual try-on: asked for with requestTryon, paid by a hold, worked and settled once.$$;
comment on column app_public.tryon_jobs.user_id is 'The shopper; null for a job a brand asked for itself.';
comment on column app_public.tryon_jobs.brand_id is 'The brand whose products are tried on, or that asked; null when only own garments are tried on.';
comment on column app_public.tryon_jobs.shopper_handle is $$
@behavior -*
What the brand sees instead of the shopper: random, one per brand and shopper.$$;
-- Staff narrow a list by these while it is read newest first; sorting by them
-- would sort every job there is.
comment on column app_public.tryon_jobs.payer is $$
@behavior +filterBy
Whose credits are held: the shopper's, the brand's, or nobody's (pro: an unlimited entitlement).$$;
comment on column app_public.tryon_jobs.updated_at is $$
@behavior +filterBy$$;
comment on column app_public.tryon_jobs.status is $$
@admin.widget status
@isIndexed
queued, processing, then completed, failed, cancelled or expired; nothing leaves the last four.$$;
comment on column app_public.tryon_jobs.cost is 'Credits, fixed when the job was asked for; 0 with a pro entitlement.';
comment on column app_public.tryon_jobs.confidence is $$
@admin.widget percent
What the model says of its own result, 0 to 1. Not a measured accuracy.$$;
comment on column app_public.tryon_jobs.processing_ms is $$
@admin.widget duration
Milliseconds the worker says the completed attempt took.$$;
comment on column app_public.tryon_jobs.attempt is 'How often a worker took the job; the current or last attempt.';
comment on column app_public.tryon_jobs.run_after is $$
@behavior +filterBy
Not before: a retry waits longer each time.$$;
comment on column app_public.tryon_jobs.locked_by is 'The worker that has it now.';
comment on column app_public.tryon_jobs.locked_until is $$
@behavior +filterBy
Until when that worker must give a sign of life, by the clock of the database.$$;
comment on column app_public.tryon_jobs.deadline_at is 'A job still queued then expires, and its hold is released.';
comment on column app_public.tryon_jobs.error_code is 'Why the last attempt failed, as the worker named it; DEADLINE and LOST_WORKER are ours.';
comment on column app_public.tryon_jobs.device_family is 'iphone, ipad, android_phone, android_tablet, desktop, kiosk or other.';
comment on column app_public.tryon_jobs.retry_of is 'The job that this one repeats.';
comment on column app_public.tryon_jobs.completed_at is 'When a result was delivered; null unless completed.';
comment on column app_public.tryon_jobs.finished_at is $$
@behavior +filterBy
When it reached its last status, whichever.$$;

comment on constraint tryon_jobs_pkey on app_public.tryon_jobs is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint tryon_jobs_user_id_fkey on app_public.tryon_jobs is $$
@fieldName user
@error NTFND user_id There is no such person.$$;
comment on constraint tryon_jobs_brand_id_fkey on app_public.tryon_jobs is $$
@fieldName brand
@error NTFND brand_id There is no such brand.$$;
comment on constraint tryon_jobs_category_code_fkey on app_public.tryon_jobs is $$
@fieldName category
@error NTFND category_code There is no such category.$$;
comment on constraint tryon_jobs_selfie_key_fkey on app_public.tryon_jobs is $$
@fieldName selfie
@foreignFieldName tryonJobsAsSelfie
@error NTFND selfie_key There is no such picture.$$;
comment on constraint tryon_jobs_result_key_fkey on app_public.tryon_jobs is $$
@fieldName result
@foreignFieldName tryonJobsAsResult
@error NTFND result_key There is no such picture.$$;
comment on constraint tryon_jobs_retry_of_fkey on app_public.tryon_jobs is $$
@fieldName retried
@foreignFieldName retries
@error NTFND retry_of There is no such job.$$;
comment on constraint tryon_jobs_payer_check on app_public.tryon_jobs is $$
@error INVAL payer A job names who pays for it.$$;
comment on constraint tryon_jobs_shopper_handle_check on app_public.tryon_jobs is $$
@error INVAL shopper_handle A job of a brand and a shopper carries a handle.$$;
comment on constraint tryon_jobs_cost_check on app_public.tryon_jobs is $$
@error INVAL cost A job costs 1 to 100 credits, and nothing with a pro entitlement.$$;
comment on constraint tryon_jobs_confidence_check on app_public.tryon_jobs is $$
@error INVAL confidence A confidence lies between 0 and 1.$$;
comment on constraint tryon_jobs_processing_ms_check on app_public.tryon_jobs is $$
@error INVAL processing_ms A processing time lies between 0 and a day.$$;
comment on constraint tryon_jobs_attempt_check on app_public.tryon_jobs is $$
@error STATE attempt This job has used all its attempts.$$;
comment on constraint tryon_jobs_max_attempts_check on app_public.tryon_jobs is $$
@error INVAL max_attempts A job has 1 to 10 attempts.$$;
comment on constraint tryon_jobs_priority_check on app_public.tryon_jobs is $$
@error INVAL priority A priority lies between -10 and 10.$$;
comment on constraint tryon_jobs_lock_check on app_public.tryon_jobs is $$
@error STATE locked_by A job that runs has a worker, and no other job has one.$$;
comment on constraint tryon_jobs_completed_check on app_public.tryon_jobs is $$
@error INVAL result_key A completed job has a result, a confidence and a time.$$;
comment on constraint tryon_jobs_completed_at_check on app_public.tryon_jobs is $$
@error INVAL completed_at A job is not completed before it was asked for.$$;
comment on constraint tryon_jobs_finished_at_check on app_public.tryon_jobs is $$
@error INVAL finished_at A job is finished exactly when its status is a last one.$$;
comment on constraint tryon_jobs_error_code_check on app_public.tryon_jobs is $$
@error INVAL error_code A failure has a code of capital letters, digits and underscores, 40 at most.$$;
comment on constraint tryon_jobs_device_family_check on app_public.tryon_jobs is $$
@error INVAL device_family A device is iphone, ipad, android_phone, android_tablet, desktop, kiosk or other.$$;
comment on constraint tryon_jobs_app_version_check on app_public.tryon_jobs is $$
@error INVAL app_version A version has 1 to 20 letters, digits, dots, plus and minus signs.$$;

insert into app_private.partitioned_tables (parent, key_kind) values ('app_public.tryon_jobs', 'uuid_v7');

create table app_private.tryon_transitions (
  from_status app_public.tryon_status,
  to_status app_public.tryon_status,
  constraint tryon_transitions_pkey primary key (from_status, to_status)
);
comment on table app_private.tryon_transitions is 'The state machine of try-on jobs: what is not listed is refused.';
insert into app_private.tryon_transitions (from_status, to_status) values
  ('queued', 'processing'),
  ('queued', 'cancelled'),
  ('queued', 'expired'),
  ('processing', 'completed'),
  ('processing', 'queued'),
  ('processing', 'failed'),
  ('processing', 'expired');

create table app_private.shopper_handles (
  brand_id uuid not null constraint shopper_handles_brand_id_fkey
    references app_public.brand_accounts (id) on delete cascade,
  user_id uuid not null constraint shopper_handles_user_id_fkey
    references app_public.users (id) on delete cascade,
  handle uuid not null default gen_random_uuid() constraint shopper_handles_handle_key unique,
  constraint shopper_handles_pkey primary key (brand_id, user_id)
);
create index shopper_handles_user_id_idx on app_private.shopper_handles (user_id);
comment on table app_private.shopper_handles is 'What a brand sees instead of a shopper. Random, so that no two brands can join theirs, and it ends when the row is deleted.';

--------------------------------------------------------------------------------
-- 7040 What was tried on, how each attempt went, what the shopper says of it.
--------------------------------------------------------------------------------

create table app_public.tryon_job_garments (
  job_id uuid not null constraint tryon_job_garments_job_id_fkey
    references app_public.tryon_jobs (id) on delete cascade,
  position smallint not null,
  user_id uuid constraint tryon_job_garments_user_id_fkey references app_public.users (id) on delete restrict,
  brand_id uuid,
  wardrobe_item_id uuid,
  product_id uuid,
  constraint tryon_job_garments_pkey primary key (job_id, position),
  constraint tryon_job_garments_position_check check (position between 1 and 8),
  constraint tryon_job_garments_garment_check check (num_nonnulls(wardrobe_item_id, product_id) = 1),
  -- A null tenant would switch the composite keys off.
  constraint tryon_job_garments_owner_check check (
    (product_id is null) = (brand_id is null) and (wardrobe_item_id is null or user_id is not null)
  ),
  constraint tryon_job_garments_wardrobe_item_id_user_id_fkey foreign key (wardrobe_item_id, user_id)
    references app_public.wardrobe_items (id, user_id) on delete restrict,
  constraint tryon_job_garments_brand_id_product_id_fkey foreign key (brand_id, product_id)
    references app_public.products (brand_id, id) on delete restrict
);
create index tryon_job_garments_user_id_idx on app_public.tryon_job_garments (user_id);
create index tryon_job_garments_brand_id_product_id_idx on app_public.tryon_job_garments (brand_id, product_id)
  where brand_id is not null;
create index tryon_job_garments_wardrobe_item_id_user_id_idx on app_public.tryon_job_garments (wardrobe_item_id, user_id)
  where wardrobe_item_id is not null;
comment on table app_public.tryon_job_garments is $$
@admin.label Garments tried on
@admin.hidden
@behavior -insert -update -delete
The garments of a job in order: a product of a brand, or an item of the wardrobe of the shopper.$$;
comment on constraint tryon_job_garments_pkey on app_public.tryon_job_garments is $$
@error TAKEN position This place is taken.$$;
comment on column app_public.tryon_job_garments.product_id is $$
@behavior +filterBy$$;
comment on constraint tryon_job_garments_job_id_fkey on app_public.tryon_job_garments is $$
@fieldName job
@foreignFieldName garments
@error NTFND job_id There is no such job.$$;
comment on constraint tryon_job_garments_user_id_fkey on app_public.tryon_job_garments is $$
@fieldName user
@error NTFND user_id There is no such person.$$;
comment on constraint tryon_job_garments_position_check on app_public.tryon_job_garments is $$
@error INVAL position A job has up to 8 garments.$$;
comment on constraint tryon_job_garments_garment_check on app_public.tryon_job_garments is $$
@error INVAL product_id A garment is a product or an item of the wardrobe.$$;
comment on constraint tryon_job_garments_owner_check on app_public.tryon_job_garments is $$
@error INVAL brand_id A product carries its brand, an item its person.$$;
comment on constraint tryon_job_garments_wardrobe_item_id_user_id_fkey on app_public.tryon_job_garments is $$
@fieldName wardrobeItem
@foreignFieldName tryonJobGarments
@error NTFND wardrobe_item_id There is no such item in your wardrobe.
@errorInUse This item has been tried on.|Take it out of the wardrobe instead: past try-ons keep showing it.$$;
comment on constraint tryon_job_garments_brand_id_product_id_fkey on app_public.tryon_job_garments is $$
@fieldName product
@foreignFieldName tryonJobGarments
@error NTFND product_id There is no such product.
@errorInUse This product has been tried on.|Switch it off instead: it is offered no longer, and past try-ons keep showing it.$$;

create table app_public.tryon_job_attempts (
  job_id uuid not null constraint tryon_job_attempts_job_id_fkey
    references app_public.tryon_jobs (id) on delete restrict,
  attempt integer not null,
  user_id uuid constraint tryon_job_attempts_user_id_fkey references app_public.users (id) on delete restrict,
  brand_id uuid constraint tryon_job_attempts_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  category_code text not null,
  worker text not null,
  outcome app_public.tryon_outcome not null,
  error_code text,
  processing_ms integer,
  started_at timestamptz not null,
  finished_at timestamptz not null default now(),
  constraint tryon_job_attempts_pkey primary key (job_id, attempt)
);
create index tryon_job_attempts_user_id_idx on app_public.tryon_job_attempts (user_id, job_id);
create index tryon_job_attempts_brand_id_idx on app_public.tryon_job_attempts (brand_id, finished_at desc);
-- The board of the last hours.
create index tryon_job_attempts_finished_at_idx on app_public.tryon_job_attempts (finished_at desc);
comment on table app_public.tryon_job_attempts is $$
@admin.label Attempts
@admin.hidden
@behavior -insert -update -delete
One row per attempt that ended. Append-only; the attempt that runs now stands in the job.$$;
-- Asked of the attempts of one job, while jobs are read newest first.
comment on column app_public.tryon_job_attempts.error_code is $$
@behavior +filterBy$$;
comment on column app_public.tryon_job_attempts.outcome is $$
@admin.widget status
@behavior +filterBy
completed, failed, retried (back to the queue) or lost (the worker fell silent).$$;
comment on column app_public.tryon_job_attempts.processing_ms is $$
@admin.widget duration
Milliseconds, as the worker says; null when it said nothing.$$;
comment on constraint tryon_job_attempts_pkey on app_public.tryon_job_attempts is $$
@error TAKEN attempt This attempt has ended already.$$;
comment on constraint tryon_job_attempts_job_id_fkey on app_public.tryon_job_attempts is $$
@fieldName job
@foreignFieldName attempts
@error NTFND job_id There is no such job.$$;
comment on constraint tryon_job_attempts_user_id_fkey on app_public.tryon_job_attempts is $$
@fieldName user
@error NTFND user_id There is no such person.$$;
comment on constraint tryon_job_attempts_brand_id_fkey on app_public.tryon_job_attempts is $$
@fieldName brand
@error NTFND brand_id There is no such brand.$$;

create table app_public.tryon_feedback (
  job_id uuid constraint tryon_feedback_pkey primary key
    constraint tryon_feedback_job_id_fkey references app_public.tryon_jobs (id) on delete restrict,
  user_id uuid not null default app_hidden.current_user_id() constraint tryon_feedback_user_id_fkey
    references app_public.users (id) on delete restrict,
  brand_id uuid constraint tryon_feedback_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  category_code text not null,
  accurate boolean not null,
  rating smallint,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint tryon_feedback_rating_check check (rating between 1 and 5)
);
create index tryon_feedback_user_id_idx on app_public.tryon_feedback (user_id);
create index tryon_feedback_brand_id_idx on app_public.tryon_feedback (brand_id, category_code);
comment on table app_public.tryon_feedback is $$
@admin.label Feedback
@admin.group Try-on
@admin.icon rate_review
@admin.order 120
@admin.list job_id, accurate, rating, created_at
@behavior -delete
What a shopper says of a completed try-on. Measured accuracy comes from here, never from the confidence of a model.$$;
comment on column app_public.tryon_feedback.brand_id is 'The brand of the job; set by the server.';
comment on column app_public.tryon_feedback.category_code is 'The category of the job; set by the server.';
comment on column app_public.tryon_feedback.accurate is 'Whether the garment sat where it should.';
comment on column app_public.tryon_feedback.rating is '1 to 5; null when not given.';
comment on constraint tryon_feedback_pkey on app_public.tryon_feedback is $$
@error TAKEN job_id You have rated this try-on already.$$;
comment on constraint tryon_feedback_job_id_fkey on app_public.tryon_feedback is $$
@fieldName job
@foreignFieldName feedback
@error NTFND job_id There is no such try-on.$$;
comment on constraint tryon_feedback_user_id_fkey on app_public.tryon_feedback is $$
@fieldName user
@error NTFND user_id There is no such person.$$;
comment on constraint tryon_feedback_brand_id_fkey on app_public.tryon_feedback is $$
@fieldName brand
@error NTFND brand_id There is no such brand.$$;
comment on constraint tryon_feedback_rating_check on app_public.tryon_feedback is $$
@error INVAL rating A rating is 1 to 5.$$;

--------------------------------------------------------------------------------
-- 7050 Worker keys: a GPU service elsewhere signs in with one. The secret is
-- shown once; its hash lives in a table of its own.
--------------------------------------------------------------------------------

create table app_public.worker_keys (
  id uuid not null default app_private.uuid_v7() constraint worker_keys_pkey primary key,
  name text not null,
  prefix text not null constraint worker_keys_prefix_key unique,
  created_by uuid constraint worker_keys_created_by_fkey references app_public.users (id) on delete set null,
  last_used_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint worker_keys_name_check check (name ~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$')
);
create unique index worker_keys_name_key on app_public.worker_keys (name) where revoked_at is null;
create index worker_keys_created_by_idx on app_public.worker_keys (created_by);
comment on table app_public.worker_keys is $$
@admin.label Worker keys
@admin.singular Worker key
@admin.group Operations
@admin.icon vpn_key
@admin.order 820
@admin.list name, prefix, last_used_at, revoked_at, created_at
@admin.represent name
@behavior -insert -update -delete
Keys of GPU services that work try-on jobs. The secret is shown once, when the key is made.$$;
comment on column app_public.worker_keys.prefix is 'The first characters of the key, to tell keys apart.';
comment on column app_public.worker_keys.last_used_at is 'Within a minute.';
comment on constraint worker_keys_pkey on app_public.worker_keys is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint worker_keys_prefix_key on app_public.worker_keys is $$
@error TAKEN prefix Make the key once more.$$;
comment on constraint worker_keys_created_by_fkey on app_public.worker_keys is $$
@fieldName creator
@error NTFND created_by There is no such person.$$;
comment on constraint worker_keys_name_check on app_public.worker_keys is $$
@error INVAL name A name has lower-case letters, digits and hyphens, 40 at most.$$;
comment on index app_public.worker_keys_name_key is $$
@error TAKEN name Another key that is in use has this name.$$;

create table app_private.worker_key_secrets (
  key_id uuid constraint worker_key_secrets_pkey primary key
    constraint worker_key_secrets_key_id_fkey references app_public.worker_keys (id) on delete cascade,
  key_hash bytea not null constraint worker_key_secrets_key_hash_key unique
    constraint worker_key_secrets_key_hash_check check (length(key_hash) = 32)
);
comment on table app_private.worker_key_secrets is 'SHA-256 of worker keys (256 random bits each).';

--------------------------------------------------------------------------------
-- 7110 Credit accounts: double entry. Every transfer moves credits from one
-- account to another, so all balances add up to zero. An owner has one account
-- of what is available and one of what is held. System accounts come in 16
-- shards, because a single row would make every settlement wait for the last.
--------------------------------------------------------------------------------

create table app_public.credit_accounts (
  id uuid not null default app_private.uuid_v7() constraint credit_accounts_pkey primary key,
  owner_user_id uuid constraint credit_accounts_owner_user_id_fkey
    references app_public.users (id) on delete restrict,
  owner_brand_id uuid constraint credit_accounts_owner_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  kind app_public.credit_account_kind not null,
  shard smallint not null default 0,
  balance bigint not null default 0,
  next_grant_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint credit_accounts_owner_check check (
    case when kind in ('available', 'held') then num_nonnulls(owner_user_id, owner_brand_id) = 1 and shard = 0
      else num_nonnulls(owner_user_id, owner_brand_id) = 0 and shard between 0 and 15 end
  ),
  -- The last guard: whatever a function overlooks, nobody spends what is not there.
  constraint credit_accounts_balance_check check (balance >= 0 or kind not in ('available', 'held')),
  constraint credit_accounts_next_grant_at_check check (next_grant_at is null or (kind = 'available' and owner_user_id is not null)),
  constraint credit_accounts_owner_kind_key unique nulls not distinct (owner_user_id, owner_brand_id, kind, shard)
) with (fillfactor = 70);
create index credit_accounts_owner_brand_id_idx on app_public.credit_accounts (owner_brand_id) where owner_brand_id is not null;
create index credit_accounts_next_grant_at_idx on app_public.credit_accounts (next_grant_at) where next_grant_at is not null;
comment on table app_public.credit_accounts is $$
@admin.label Credit accounts
@admin.singular Credit account
@admin.group Credits
@admin.icon account_balance
@admin.order 230
@admin.list id, owner_user_id, owner_brand_id, kind, balance, updated_at
@behavior -insert -update -delete
The ledger's accounts. `balance` is the sum of the account's transfers, kept by the transfer itself.$$;
comment on column app_public.credit_accounts.balance is 'Credits. Never negative for a person or a brand; the system''s own accounts run below zero.';
comment on column app_public.credit_accounts.next_grant_at is 'When the next free credits are due to this person.';
comment on constraint credit_accounts_pkey on app_public.credit_accounts is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint credit_accounts_owner_user_id_fkey on app_public.credit_accounts is $$
@fieldName ownerUser
@error NTFND owner_user_id There is no such person.$$;
comment on constraint credit_accounts_owner_brand_id_fkey on app_public.credit_accounts is $$
@fieldName ownerBrand
@error NTFND owner_brand_id There is no such brand.$$;
comment on constraint credit_accounts_owner_check on app_public.credit_accounts is $$
@error INVAL owner_user_id An account belongs to a person, a brand or the system.$$;
comment on constraint credit_accounts_balance_check on app_public.credit_accounts is $$
@error NOCRD balance There are not enough credits.$$;
comment on constraint credit_accounts_next_grant_at_check on app_public.credit_accounts is $$
@error INVAL next_grant_at Free credits go to the available credits of a person.$$;
comment on constraint credit_accounts_owner_kind_key on app_public.credit_accounts is $$
@error TAKEN kind This account exists already.$$;

-- Ids that sort after every other: locks are taken in the order of ids, the
-- owner's first and the system's last.
insert into app_public.credit_accounts (id, kind, shard)
select ('ffffffff-ffff-7fff-bfff-' || lpad(to_hex(k.n * 16 + s), 12, '0'))::uuid, k.kind, s
from (values (1, 'system_grants'::app_public.credit_account_kind), (2, 'system_consumed'), (3, 'system_expired')) k (n, kind),
  generate_series(0, 15) s;

--------------------------------------------------------------------------------
-- 7120 Grants: where credits come from, in what order they are spent, when they end.
--------------------------------------------------------------------------------

create table app_public.credit_grants (
  id uuid not null default app_private.uuid_v7() constraint credit_grants_pkey primary key,
  owner_user_id uuid constraint credit_grants_owner_user_id_fkey
    references app_public.users (id) on delete restrict,
  owner_brand_id uuid constraint credit_grants_owner_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  source app_public.credit_source not null,
  amount bigint not null,
  remaining bigint not null,
  expired bigint not null default 0,
  lapsed boolean not null default false,
  priority smallint not null,
  effective_at timestamptz not null default now(),
  expires_at timestamptz,
  period_start timestamptz,
  note text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint credit_grants_owner_check check (num_nonnulls(owner_user_id, owner_brand_id) = 1),
  constraint credit_grants_amount_check check (amount between 1 and 1000000000),
  constraint credit_grants_remaining_check check (remaining >= 0 and expired >= 0 and remaining + expired <= amount),
  constraint credit_grants_priority_check check (priority between 0 and 100),
  constraint credit_grants_expires_at_check check (expires_at > effective_at),
  constraint credit_grants_note_check check (length(note) between 1 and 500)
) with (fillfactor = 80);
-- A period is granted once. Where there is no period, there may be many.
create unique index credit_grants_period_key on app_public.credit_grants
  (owner_user_id, owner_brand_id, source, period_start) nulls not distinct where period_start is not null;
create index credit_grants_owner_user_id_idx on app_public.credit_grants (owner_user_id, created_at desc) where owner_user_id is not null;
create index credit_grants_owner_brand_id_idx on app_public.credit_grants (owner_brand_id, created_at desc) where owner_brand_id is not null;
-- Not "where remaining > 0": a column in an index, its condition included, makes
-- every hold write a new entry to all indexes of a grant that is drawn on
-- hundreds of times a second.
create index credit_grants_expires_at_idx on app_public.credit_grants (expires_at) where not lapsed and expires_at is not null;
comment on table app_public.credit_grants is $$
@admin.label Grants
@admin.singular Grant
@admin.group Credits
@admin.icon card_giftcard
@admin.order 210
@admin.list owner_user_id, owner_brand_id, source, amount, remaining, expires_at, created_at
@behavior -insert -update -delete
Credits given, and what is left of them. Spent by priority, then what ends first, then the oldest.$$;
comment on column app_public.credit_grants.remaining is 'Neither spent, held nor expired.';
comment on column app_public.credit_grants.expired is 'What ended unspent (breakage), or was taken back by a correction.';
comment on column app_public.credit_grants.lapsed is $$
@behavior -*
Whether its end has been booked.$$;
comment on column app_public.credit_grants.priority is 'Smaller is spent first: free and promotional credits 10, bought ones 20.';
comment on column app_public.credit_grants.period_start is 'The month a recurring grant is for; one grant per owner, source and period.';
comment on constraint credit_grants_pkey on app_public.credit_grants is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint credit_grants_owner_user_id_fkey on app_public.credit_grants is $$
@fieldName ownerUser
@foreignFieldName creditGrants
@error NTFND owner_user_id There is no such person.$$;
comment on constraint credit_grants_owner_brand_id_fkey on app_public.credit_grants is $$
@fieldName ownerBrand
@foreignFieldName creditGrants
@error NTFND owner_brand_id There is no such brand.$$;
comment on constraint credit_grants_owner_check on app_public.credit_grants is $$
@error INVAL owner_user_id Credits go to one person or one brand.$$;
comment on constraint credit_grants_amount_check on app_public.credit_grants is $$
@error INVAL amount An amount lies between 1 and 1,000,000,000 credits.$$;
comment on constraint credit_grants_remaining_check on app_public.credit_grants is $$
@error NOCRD remaining There are not enough credits.$$;
comment on constraint credit_grants_priority_check on app_public.credit_grants is $$
@error INVAL priority A priority lies between 0 and 100.$$;
comment on constraint credit_grants_expires_at_check on app_public.credit_grants is $$
@error INVAL expires_at Credits end after they begin.$$;
comment on constraint credit_grants_note_check on app_public.credit_grants is $$
@error INVAL note A note has 1 to 500 characters.$$;
comment on index app_public.credit_grants_period_key is $$
@error TAKEN period_start The credits of this period are granted already.$$;

--------------------------------------------------------------------------------
-- 7130 Holds: what a job has reserved. Which grants pay is fixed here, in lines.
--------------------------------------------------------------------------------

create table app_public.credit_holds (
  id uuid not null default app_private.uuid_v7() constraint credit_holds_pkey primary key,
  owner_user_id uuid constraint credit_holds_owner_user_id_fkey
    references app_public.users (id) on delete restrict,
  owner_brand_id uuid constraint credit_holds_owner_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  tryon_job_id uuid not null constraint credit_holds_tryon_job_id_key unique
    constraint credit_holds_tryon_job_id_fkey references app_public.tryon_jobs (id) on delete restrict,
  amount bigint not null,
  status app_public.credit_hold_status not null default 'open',
  settled_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint credit_holds_owner_check check (num_nonnulls(owner_user_id, owner_brand_id) = 1),
  constraint credit_holds_amount_check check (amount > 0),
  constraint credit_holds_settled_at_check check ((status = 'open') = (settled_at is null))
);
create index credit_holds_owner_user_id_idx on app_public.credit_holds (owner_user_id, created_at desc) where owner_user_id is not null;
create index credit_holds_owner_brand_id_idx on app_public.credit_holds (owner_brand_id, created_at desc) where owner_brand_id is not null;
comment on table app_public.credit_holds is $$
@admin.label Holds
@admin.singular Hold
@admin.group Credits
@admin.icon lock_clock
@admin.order 220
@admin.list owner_user_id, owner_brand_id, tryon_job_id, amount, status, created_at, settled_at
@behavior -insert -update -delete
Credits a job reserved: captured when it completes, released when it does not. Settled once.$$;
comment on column app_public.credit_holds.status is $$
@admin.widget status
@isIndexed
open; captured (spent), released (given back), or expired (given back after all its grants had ended).$$;
comment on constraint credit_holds_pkey on app_public.credit_holds is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint credit_holds_owner_user_id_fkey on app_public.credit_holds is $$
@fieldName ownerUser
@foreignFieldName creditHolds
@error NTFND owner_user_id There is no such person.$$;
comment on constraint credit_holds_owner_brand_id_fkey on app_public.credit_holds is $$
@fieldName ownerBrand
@foreignFieldName creditHolds
@error NTFND owner_brand_id There is no such brand.$$;
comment on constraint credit_holds_tryon_job_id_key on app_public.credit_holds is $$
@error TAKEN tryon_job_id This job has a hold already.$$;
comment on constraint credit_holds_tryon_job_id_fkey on app_public.credit_holds is $$
@fieldName tryonJob
@foreignFieldName hold
@error NTFND tryon_job_id There is no such job.$$;
comment on constraint credit_holds_owner_check on app_public.credit_holds is $$
@error INVAL owner_user_id A hold is on the credits of one person or one brand.$$;
comment on constraint credit_holds_amount_check on app_public.credit_holds is $$
@error INVAL amount A hold is for at least one credit.$$;
comment on constraint credit_holds_settled_at_check on app_public.credit_holds is $$
@error STATE status A hold is settled exactly when it is not open.$$;

create table app_public.credit_hold_lines (
  hold_id uuid not null constraint credit_hold_lines_hold_id_fkey
    references app_public.credit_holds (id) on delete restrict,
  grant_id uuid not null constraint credit_hold_lines_grant_id_fkey
    references app_public.credit_grants (id) on delete restrict,
  owner_user_id uuid constraint credit_hold_lines_owner_user_id_fkey
    references app_public.users (id) on delete restrict,
  owner_brand_id uuid constraint credit_hold_lines_owner_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  amount bigint not null,
  constraint credit_hold_lines_pkey primary key (hold_id, grant_id),
  constraint credit_hold_lines_owner_check check (num_nonnulls(owner_user_id, owner_brand_id) = 1),
  constraint credit_hold_lines_amount_check check (amount > 0)
);
create index credit_hold_lines_grant_id_idx on app_public.credit_hold_lines (grant_id);
create index credit_hold_lines_owner_user_id_idx on app_public.credit_hold_lines (owner_user_id) where owner_user_id is not null;
create index credit_hold_lines_owner_brand_id_idx on app_public.credit_hold_lines (owner_brand_id) where owner_brand_id is not null;
comment on table app_public.credit_hold_lines is $$
@admin.label Hold lines
@admin.hidden
@behavior -insert -update -delete
Which grants a hold draws on, fixed when it was placed.$$;
comment on constraint credit_hold_lines_pkey on app_public.credit_hold_lines is $$
@error TAKEN grant_id This grant is already part of the hold.$$;
comment on constraint credit_hold_lines_hold_id_fkey on app_public.credit_hold_lines is $$
@fieldName hold
@foreignFieldName lines
@error NTFND hold_id There is no such hold.$$;
comment on constraint credit_hold_lines_grant_id_fkey on app_public.credit_hold_lines is $$
@fieldName grant
@foreignFieldName holdLines
@error NTFND grant_id There is no such grant.$$;
comment on constraint credit_hold_lines_owner_user_id_fkey on app_public.credit_hold_lines is $$
@fieldName ownerUser
@foreignFieldName creditHoldLines
@error NTFND owner_user_id There is no such person.$$;
comment on constraint credit_hold_lines_owner_brand_id_fkey on app_public.credit_hold_lines is $$
@fieldName ownerBrand
@foreignFieldName creditHoldLines
@error NTFND owner_brand_id There is no such brand.$$;
comment on constraint credit_hold_lines_owner_check on app_public.credit_hold_lines is $$
@error INVAL owner_user_id A line is on the credits of one person or one brand.$$;
comment on constraint credit_hold_lines_amount_check on app_public.credit_hold_lines is $$
@error INVAL amount A line is for at least one credit.$$;

--------------------------------------------------------------------------------
-- 7140 Transfers: the ledger itself. Append-only, TRUNCATE too; a correction is
-- a new transfer.
--------------------------------------------------------------------------------

create table app_public.credit_transfers (
  id uuid not null default app_private.uuid_v7() constraint credit_transfers_pkey primary key,
  owner_user_id uuid constraint credit_transfers_owner_user_id_fkey
    references app_public.users (id) on delete restrict,
  owner_brand_id uuid constraint credit_transfers_owner_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  kind app_public.credit_transfer_kind not null,
  debit_account uuid not null constraint credit_transfers_debit_account_fkey
    references app_public.credit_accounts (id) on delete restrict,
  credit_account uuid not null constraint credit_transfers_credit_account_fkey
    references app_public.credit_accounts (id) on delete restrict,
  amount bigint not null,
  hold_id uuid constraint credit_transfers_hold_id_fkey references app_public.credit_holds (id) on delete restrict,
  grant_id uuid constraint credit_transfers_grant_id_fkey references app_public.credit_grants (id) on delete restrict,
  idempotency_key text,
  actor_kind text not null default app_hidden.current_actor_kind(),
  -- The owner reads this: which member of staff it was stands in the audit trail.
  actor_id uuid default case when app_hidden.current_actor_kind() <> 'staff' then app_hidden.current_user_id() end,
  reason text,
  created_at timestamptz not null default clock_timestamp(),
  constraint credit_transfers_owner_check check (num_nonnulls(owner_user_id, owner_brand_id) = 1),
  constraint credit_transfers_accounts_check check (debit_account <> credit_account),
  constraint credit_transfers_amount_check check (amount > 0),
  constraint credit_transfers_hold_id_check check (kind not in ('hold', 'capture', 'release') or hold_id is not null),
  constraint credit_transfers_grant_id_check check (kind not in ('grant', 'adjust') or grant_id is not null),
  constraint credit_transfers_reason_check check (length(reason) between 1 and 500)
);
create unique index credit_transfers_idempotency_key_key on app_public.credit_transfers (idempotency_key)
  where idempotency_key is not null;
-- A hold is placed once and settled once, whatever calls.
create unique index credit_transfers_hold_placed_key on app_public.credit_transfers (hold_id) where kind = 'hold';
create unique index credit_transfers_hold_settled_key on app_public.credit_transfers (hold_id) where kind in ('capture', 'release');
create unique index credit_transfers_hold_expired_key on app_public.credit_transfers (hold_id) where kind = 'expire';
create index credit_transfers_hold_id_idx on app_public.credit_transfers (hold_id) where hold_id is not null;
create index credit_transfers_grant_id_idx on app_public.credit_transfers (grant_id) where grant_id is not null;
create index credit_transfers_owner_user_id_idx on app_public.credit_transfers (owner_user_id, id desc) where owner_user_id is not null;
create index credit_transfers_owner_brand_id_idx on app_public.credit_transfers (owner_brand_id, id desc) where owner_brand_id is not null;
create index credit_transfers_debit_account_idx on app_public.credit_transfers (debit_account);
create index credit_transfers_credit_account_idx on app_public.credit_transfers (credit_account);
comment on table app_public.credit_transfers is $$
@admin.label Ledger
@admin.singular Ledger entry
@admin.group Credits
@admin.icon receipt_long
@admin.order 200
@admin.list created_at, kind, amount, owner_user_id, owner_brand_id, hold_id, reason
@behavior -insert -update -delete
The credit ledger: each entry moves credits from the debit account to the credit account. Append-only.$$;
-- Within an owner these narrow the ledger while its index is read; the order of
-- time is that of the key.
comment on column app_public.credit_transfers.kind is $$
@admin.widget status
@behavior +filterBy
grant, hold, capture, release, expire or adjust.$$;
comment on column app_public.credit_transfers.created_at is $$
@behavior +filterBy$$;
comment on column app_public.credit_transfers.amount is 'Credits, always above zero; the accounts say which way.';
comment on column app_public.credit_transfers.debit_account is 'Where the credits leave.';
comment on column app_public.credit_transfers.credit_account is 'Where they arrive.';
comment on column app_public.credit_transfers.idempotency_key is $$
@behavior -*
What makes a repeated call find this entry instead of adding one.$$;
comment on column app_public.credit_transfers.actor_id is 'Whose act it was; null for staff, whom the audit trail names.';
comment on column app_public.credit_transfers.reason is 'What it was for, in a sentence for the owner; what staff wrote stands in the audit trail.';
comment on constraint credit_transfers_pkey on app_public.credit_transfers is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint credit_transfers_owner_user_id_fkey on app_public.credit_transfers is $$
@fieldName ownerUser
@foreignFieldName creditTransfers
@error NTFND owner_user_id There is no such person.$$;
comment on constraint credit_transfers_owner_brand_id_fkey on app_public.credit_transfers is $$
@fieldName ownerBrand
@foreignFieldName creditTransfers
@error NTFND owner_brand_id There is no such brand.$$;
comment on constraint credit_transfers_debit_account_fkey on app_public.credit_transfers is $$
@fieldName debitedAccount
@foreignFieldName debits
@error NTFND debit_account There is no such account.$$;
comment on constraint credit_transfers_credit_account_fkey on app_public.credit_transfers is $$
@fieldName creditedAccount
@foreignFieldName credits
@error NTFND credit_account There is no such account.$$;
comment on constraint credit_transfers_hold_id_fkey on app_public.credit_transfers is $$
@fieldName hold
@foreignFieldName transfers
@error NTFND hold_id There is no such hold.$$;
comment on constraint credit_transfers_grant_id_fkey on app_public.credit_transfers is $$
@fieldName grant
@foreignFieldName transfers
@error NTFND grant_id There is no such grant.$$;
comment on constraint credit_transfers_owner_check on app_public.credit_transfers is $$
@error INVAL owner_user_id An entry concerns one person or one brand.$$;
comment on constraint credit_transfers_accounts_check on app_public.credit_transfers is $$
@error INVAL credit_account Credits move between two different accounts.$$;
comment on constraint credit_transfers_amount_check on app_public.credit_transfers is $$
@error INVAL amount An amount is above zero.$$;
comment on constraint credit_transfers_hold_id_check on app_public.credit_transfers is $$
@error INVAL hold_id This kind of entry names its hold.$$;
comment on constraint credit_transfers_grant_id_check on app_public.credit_transfers is $$
@error INVAL grant_id This kind of entry names its grant.$$;
comment on constraint credit_transfers_reason_check on app_public.credit_transfers is $$
@error INVAL reason A reason has 1 to 500 characters.$$;
comment on index app_public.credit_transfers_idempotency_key_key is $$
@error TAKEN idempotency_key This was booked already.$$;
comment on index app_public.credit_transfers_hold_placed_key is $$
@error STATE hold_id This hold is placed already.$$;
comment on index app_public.credit_transfers_hold_settled_key is $$
@error STATE hold_id This hold is settled already.$$;
comment on index app_public.credit_transfers_hold_expired_key is $$
@error STATE hold_id This hold is settled already.$$;

--------------------------------------------------------------------------------
-- 7150 Entitlements: what a person may do without credits.
--------------------------------------------------------------------------------

create table app_public.user_entitlements (
  id uuid not null default app_private.uuid_v7() constraint user_entitlements_pkey primary key,
  user_id uuid not null constraint user_entitlements_user_id_fkey
    references app_public.users (id) on delete cascade,
  kind app_public.entitlement_kind not null,
  period tstzrange not null,
  -- What people read and lists show; the range itself is for the exclusion.
  starts_at timestamptz generated always as (lower(period)) stored,
  ends_at timestamptz generated always as (upper(period)) stored,
  source text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint user_entitlements_period_check check (
    not isempty(period) and lower_inc(period) and not upper_inc(period) and not lower_inf(period)
  ),
  constraint user_entitlements_source_check check (length(source) between 1 and 200),
  constraint user_entitlements_period_excl exclude using gist (
    user_id app_extensions.gist_uuid_ops with =, kind app_extensions.gist_enum_ops with =, period with &&
  )
);
create index user_entitlements_user_id_idx on app_public.user_entitlements (user_id);
comment on table app_public.user_entitlements is $$
@admin.label Entitlements
@admin.singular Entitlement
@admin.group Credits
@admin.icon workspace_premium
@admin.order 240
@admin.list user_id, kind, starts_at, ends_at, source
@behavior -insert -update -delete
pro_unlimited: try-ons asked for within the period cost nothing. Half-open: the end is not part of it.$$;
comment on column app_public.user_entitlements.source is 'Where it comes from: a subscription, or ClosetAI.';
comment on constraint user_entitlements_pkey on app_public.user_entitlements is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint user_entitlements_user_id_fkey on app_public.user_entitlements is $$
@fieldName user
@error NTFND user_id There is no such person.$$;
comment on constraint user_entitlements_period_check on app_public.user_entitlements is $$
@error INVAL period A period begins at a moment and ends after it.$$;
comment on constraint user_entitlements_source_check on app_public.user_entitlements is $$
@error INVAL source A source has 1 to 200 characters.$$;
comment on constraint user_entitlements_period_excl on app_public.user_entitlements is $$
@error TAKEN period This person has the entitlement within that period already.$$;

--------------------------------------------------------------------------------
-- 8010 Stripe, mirrored. Stripe is the truth; these tables say what its events
-- said last. No foreign keys between them: events arrive in any order, and a
-- subscription may be told before its customer. Only functions write here.
--------------------------------------------------------------------------------

create type app_public.stripe_event_status as enum ('received', 'processed', 'ignored', 'ignored_stale', 'failed', 'dead');
create type app_public.mrr_state as enum ('ok', 'needs_review');
create type app_public.mrr_movement_kind as enum ('new', 'expansion', 'contraction', 'churn', 'reactivation');
create type app_public.subscription_grant_kind as enum ('pro', 'monthly_credits', 'dataset_access', 'custom_models');

create table app_public.stripe_events (
  id text constraint stripe_events_pkey primary key,
  type text not null,
  api_version text,
  livemode boolean not null,
  created timestamptz not null,
  object_id text,
  payload jsonb not null,
  status app_public.stripe_event_status not null default 'received',
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  last_error text,
  duplicates integer not null default 0,
  received_at timestamptz not null default now(),
  processed_at timestamptz,
  constraint stripe_events_id_check check (id ~ '^evt_[A-Za-z0-9_]{1,200}$'),
  constraint stripe_events_type_check check (length(type) between 1 and 100),
  constraint stripe_events_processed_at_check check (
    (status in ('processed', 'ignored', 'ignored_stale')) = (processed_at is not null)
  )
);
-- The inbox in the order of processing; the newest for staff; all of one object.
create index stripe_events_waiting_idx on app_public.stripe_events (created, id) where status in ('received', 'failed');
create index stripe_events_created_idx on app_public.stripe_events (created desc, id);
create index stripe_events_object_id_idx on app_public.stripe_events (object_id, created desc);
create index stripe_events_type_idx on app_public.stripe_events (type, created desc);
create index stripe_events_status_idx on app_public.stripe_events (status, created desc);
comment on table app_public.stripe_events is $$
@admin.label Stripe inbox
@admin.singular Stripe event
@admin.group Billing
@admin.icon inbox
@admin.order 330
@admin.list created, type, object_id, status, attempts, duplicates, last_error
@behavior -insert -update -delete
Every event Stripe delivered, once, and what became of it.$$;
comment on column app_public.stripe_events.created is 'When it happened, by Stripe: one-second resolution.';
comment on column app_public.stripe_events.duplicates is 'How often it was delivered again.';
comment on column app_public.stripe_events.status is $$
@admin.widget status
received, processed, ignored (another mode, or a type nothing depends on), ignored_stale (older than what is known), failed (tried again), dead (given up).$$;
comment on column app_public.stripe_events.payload is $$
@admin.widget json
The event as it was signed.$$;
comment on constraint stripe_events_pkey on app_public.stripe_events is $$
@error TAKEN id This event is here already.$$;
comment on constraint stripe_events_id_check on app_public.stripe_events is $$
@error INVAL id This is not the id of an event.$$;
comment on constraint stripe_events_type_check on app_public.stripe_events is $$
@error INVAL type An event has a type.$$;
comment on constraint stripe_events_processed_at_check on app_public.stripe_events is $$
@error STATE status A processed event says when.$$;

create table app_public.stripe_customers (
  id text constraint stripe_customers_pkey primary key,
  brand_id uuid constraint stripe_customers_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  user_id uuid constraint stripe_customers_user_id_fkey
    references app_public.users (id) on delete restrict,
  email text,
  name text,
  currency text,
  deleted boolean not null default false,
  created timestamptz,
  last_event_created timestamptz,
  last_event_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint stripe_customers_owner_check check (num_nonnulls(brand_id, user_id) <= 1)
);
create index stripe_customers_brand_id_idx on app_public.stripe_customers (brand_id);
create index stripe_customers_user_id_idx on app_public.stripe_customers (user_id);
create index stripe_customers_created_idx on app_public.stripe_customers (created desc, id);
create index stripe_customers_email_idx on app_public.stripe_customers (email);
comment on table app_public.stripe_customers is $$
@admin.label Stripe customers
@admin.singular Stripe customer
@admin.group Billing
@admin.icon contact_page
@admin.order 340
@admin.list id, email, name, brand_id, user_id, currency, created
@behavior -insert -update -delete
A customer at Stripe: a brand, a shopper, or nobody we know yet.$$;
comment on constraint stripe_customers_pkey on app_public.stripe_customers is $$
@error TAKEN id This customer is here already.$$;
comment on constraint stripe_customers_brand_id_fkey on app_public.stripe_customers is $$
@fieldName brand
@error NTFND brand_id There is no such brand.$$;
comment on constraint stripe_customers_user_id_fkey on app_public.stripe_customers is $$
@fieldName user
@error NTFND user_id There is no such person.$$;
comment on constraint stripe_customers_owner_check on app_public.stripe_customers is $$
@error INVAL brand_id A customer is a brand or a person, not both.$$;

create table app_public.stripe_products (
  id text constraint stripe_products_pkey primary key,
  name text not null default '',
  active boolean not null default true,
  metadata jsonb not null default '{}',
  last_event_created timestamptz,
  last_event_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index stripe_products_name_idx on app_public.stripe_products (name, id);
comment on table app_public.stripe_products is $$
@admin.label Plans
@admin.singular Plan
@admin.group Billing
@admin.icon sell
@admin.order 350
@admin.list id, name, active
@behavior -insert -update -delete
A product at Stripe.$$;
comment on constraint stripe_products_pkey on app_public.stripe_products is $$
@error TAKEN id This product is here already.$$;

create table app_public.stripe_prices (
  id text constraint stripe_prices_pkey primary key,
  product_id text,
  active boolean not null default true,
  type text not null default 'recurring',
  currency text not null,
  unit_amount_decimal numeric(24, 12),
  billing_scheme text not null default 'per_unit',
  usage_type text not null default 'licensed',
  interval text,
  interval_count integer,
  tiers jsonb,
  tiers_mode text,
  transform_quantity jsonb,
  metadata jsonb not null default '{}',
  last_event_created timestamptz,
  last_event_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index stripe_prices_product_id_idx on app_public.stripe_prices (product_id);
comment on table app_public.stripe_prices is $$
@admin.label Prices
@admin.singular Price
@admin.group Billing
@admin.icon price_change
@admin.order 351
@admin.list id, product_id, currency, unit_amount_decimal, interval, interval_count, usage_type, active
@behavior -insert -update -delete
A price at Stripe. Its metadata says what a subscription grants: pro, monthly_credits, dataset_access, custom_models, and credits for a one-off purchase.$$;
comment on column app_public.stripe_prices.unit_amount_decimal is 'In the minor unit of the currency, up to 12 decimals; null where there are tiers.';
comment on constraint stripe_prices_pkey on app_public.stripe_prices is $$
@error TAKEN id This price is here already.$$;

create table app_public.stripe_coupons (
  id text constraint stripe_coupons_pkey primary key,
  percent_off numeric,
  amount_off bigint,
  currency text,
  duration text not null,
  name text,
  last_event_created timestamptz,
  last_event_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table app_public.stripe_coupons is $$
@admin.hidden
@behavior -insert -update -delete
A coupon at Stripe. Only those that last for ever reduce MRR.$$;
comment on constraint stripe_coupons_pkey on app_public.stripe_coupons is $$
@error TAKEN id This coupon is here already.$$;

create table app_public.stripe_discounts (
  id text constraint stripe_discounts_pkey primary key,
  coupon_id text,
  customer_id text,
  subscription_id text,
  starts_at timestamptz,
  ends_at timestamptz,
  deleted boolean not null default false,
  last_event_created timestamptz,
  last_event_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index stripe_discounts_subscription_id_idx on app_public.stripe_discounts (subscription_id);
comment on table app_public.stripe_discounts is $$
@admin.hidden
@behavior -insert -update -delete
A coupon given to a subscription or a customer.$$;
comment on constraint stripe_discounts_pkey on app_public.stripe_discounts is $$
@error TAKEN id This discount is here already.$$;

create table app_public.stripe_subscriptions (
  id text constraint stripe_subscriptions_pkey primary key,
  customer_id text not null,
  status text not null,
  cancel_at_period_end boolean not null default false,
  cancel_at timestamptz,
  canceled_at timestamptz,
  ended_at timestamptz,
  started_at timestamptz,
  trial_end timestamptz,
  pause_collection jsonb,
  currency text not null,
  discounts jsonb not null default '[]',
  api_version text,
  fx_rate numeric,
  fx_date date,
  mrr_minor bigint not null default 0,
  mrr_usd_minor bigint not null default 0,
  mrr_state app_public.mrr_state not null default 'ok',
  mrr_note text,
  last_event_created timestamptz not null,
  last_event_id text not null,
  last_event_deleted boolean not null default false,
  needs_refetch boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- Stripe's eight; another one is quarantined: its event fails and says so.
  constraint stripe_subscriptions_status_check check (status in (
    'incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'canceled', 'unpaid', 'paused'
  )),
  constraint stripe_subscriptions_mrr_check check (mrr_minor >= 0 and mrr_usd_minor >= 0)
);
create index stripe_subscriptions_customer_id_idx on app_public.stripe_subscriptions (customer_id);
create index stripe_subscriptions_status_idx on app_public.stripe_subscriptions (status, id);
create index stripe_subscriptions_mrr_usd_minor_idx on app_public.stripe_subscriptions (mrr_usd_minor desc, id);
create index stripe_subscriptions_review_idx on app_public.stripe_subscriptions (id) where mrr_state = 'needs_review' or needs_refetch;
comment on table app_public.stripe_subscriptions is $$
@admin.label Subscriptions
@admin.singular Subscription
@admin.group Billing
@admin.icon autorenew
@admin.order 310
@admin.list id, customer_id, status, mrr_usd_minor, currency, mrr_state, cancel_at_period_end, started_at
@behavior -insert -update -delete
A subscription as Stripe last told it, with its monthly recurring revenue.$$;
comment on column app_public.stripe_subscriptions.status is $$
@admin.widget status
Of eight; active and past_due count for MRR.$$;
comment on column app_public.stripe_subscriptions.fx_rate is 'US dollars per unit of the currency on fx_date, pinned while MRR is above zero.';
comment on column app_public.stripe_subscriptions.mrr_minor is 'MRR in the minor unit of the currency, rounded once.';
comment on column app_public.stripe_subscriptions.mrr_usd_minor is 'MRR in US cents at the pinned rate.';
comment on column app_public.stripe_subscriptions.mrr_state is 'needs_review: counted as 0 until somebody looks; mrr_note says why.';
comment on column app_public.stripe_subscriptions.needs_refetch is 'Two events of the same second: fetch the object from Stripe to be sure.';
comment on constraint stripe_subscriptions_pkey on app_public.stripe_subscriptions is $$
@error TAKEN id This subscription is here already.$$;
comment on constraint stripe_subscriptions_status_check on app_public.stripe_subscriptions is $$
@error INVAL status Stripe has sent a status that is not known here.$$;
comment on constraint stripe_subscriptions_mrr_check on app_public.stripe_subscriptions is $$
@error INVAL mrr_minor MRR is not negative.$$;

create table app_public.stripe_subscription_items (
  id text constraint stripe_subscription_items_pkey primary key,
  subscription_id text not null constraint stripe_subscription_items_subscription_id_fkey
    references app_public.stripe_subscriptions (id) on delete cascade,
  price_id text not null,
  quantity bigint,
  current_period_start timestamptz,
  current_period_end timestamptz,
  discounts jsonb not null default '[]',
  constraint stripe_subscription_items_quantity_check check (quantity >= 0)
);
create index stripe_subscription_items_subscription_id_idx on app_public.stripe_subscription_items (subscription_id);
create index stripe_subscription_items_price_id_idx on app_public.stripe_subscription_items (price_id);
comment on table app_public.stripe_subscription_items is $$
@admin.label Subscription items
@admin.hidden
@behavior -insert -update -delete
What a subscription consists of.$$;
comment on column app_public.stripe_subscription_items.quantity is 'Null for metered prices, and for licensed ones that count as one.';
comment on constraint stripe_subscription_items_pkey on app_public.stripe_subscription_items is $$
@error TAKEN id This item is here already.$$;
comment on constraint stripe_subscription_items_subscription_id_fkey on app_public.stripe_subscription_items is $$
@fieldName subscription
@foreignFieldName items
@error NTFND subscription_id There is no such subscription.$$;
comment on constraint stripe_subscription_items_quantity_check on app_public.stripe_subscription_items is $$
@error INVAL quantity A quantity is not negative.$$;

create table app_public.stripe_invoices (
  id text constraint stripe_invoices_pkey primary key,
  customer_id text,
  subscription_id text,
  number text,
  status text,
  billing_reason text,
  currency text not null,
  subtotal bigint not null default 0,
  discount bigint not null default 0,
  tax bigint not null default 0,
  total bigint not null default 0,
  amount_due bigint not null default 0,
  amount_paid bigint not null default 0,
  amount_remaining bigint not null default 0,
  period_start timestamptz,
  period_end timestamptz,
  created timestamptz,
  due_date timestamptz,
  paid_at timestamptz,
  hosted_invoice_url text,
  lines jsonb not null default '[]',
  deleted boolean not null default false,
  last_event_created timestamptz not null,
  last_event_id text not null,
  needs_refetch boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index stripe_invoices_customer_id_idx on app_public.stripe_invoices (customer_id, created desc);
create index stripe_invoices_subscription_id_idx on app_public.stripe_invoices (subscription_id);
create index stripe_invoices_created_idx on app_public.stripe_invoices (created desc, id);
create index stripe_invoices_fetch_idx on app_public.stripe_invoices (id) where needs_refetch;
comment on table app_public.stripe_invoices is $$
@admin.label Invoices
@admin.singular Invoice
@admin.group Billing
@admin.icon receipt
@admin.order 320
@admin.list number, status, total, amount_remaining, currency, created, due_date, paid_at
@admin.represent number
@behavior -insert -update -delete
An invoice at Stripe. Never a source of MRR.$$;
comment on column app_public.stripe_invoices.total is $$
@admin.widget money currency=currency
Minor units.$$;
comment on column app_public.stripe_invoices.amount_remaining is $$
@admin.widget money currency=currency
Minor units.$$;
comment on constraint stripe_invoices_pkey on app_public.stripe_invoices is $$
@error TAKEN id This invoice is here already.$$;

create table app_public.stripe_refunds (
  id text constraint stripe_refunds_pkey primary key,
  customer_id text,
  charge_id text,
  payment_intent_id text,
  invoice_id text,
  amount bigint not null,
  currency text not null,
  status text,
  reason text,
  created timestamptz,
  last_event_created timestamptz not null,
  last_event_id text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index stripe_refunds_created_idx on app_public.stripe_refunds (created desc, id);
create index stripe_refunds_charge_id_idx on app_public.stripe_refunds (charge_id);
comment on table app_public.stripe_refunds is $$
@admin.label Refunds
@admin.singular Refund
@admin.group Billing
@admin.icon undo
@admin.order 321
@admin.list created, amount, currency, status, reason, charge_id
@behavior -insert -update -delete
Money given back.$$;
comment on column app_public.stripe_refunds.amount is $$
@admin.widget money currency=currency
Minor units.$$;
comment on constraint stripe_refunds_pkey on app_public.stripe_refunds is $$
@error TAKEN id This refund is here already.$$;

create table app_private.stripe_raw (
  id text constraint stripe_raw_pkey primary key,
  object jsonb not null,
  event_created timestamptz not null,
  updated_at timestamptz not null default now()
);
comment on table app_private.stripe_raw is 'The last body of each mirrored object, as Stripe sent it. Holds personal data; reached by functions only.';

create table app_public.fx_rates (
  currency text not null constraint fx_rates_currency_fkey references app_public.currencies (code) on delete restrict,
  rate_date date not null,
  usd_per_unit numeric not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint fx_rates_pkey primary key (currency, rate_date),
  constraint fx_rates_usd_per_unit_check check (usd_per_unit > 0)
);
comment on table app_public.fx_rates is $$
@admin.label Exchange rates
@admin.singular Exchange rate
@admin.group Billing
@admin.icon currency_exchange
@admin.order 360
@admin.list currency, rate_date, usd_per_unit
@behavior -delete
US dollars per unit of a currency, by day. A subscription pins the newest rate at or before its activation.$$;
comment on constraint fx_rates_pkey on app_public.fx_rates is $$
@error TAKEN rate_date This day has a rate already.$$;
comment on constraint fx_rates_currency_fkey on app_public.fx_rates is $$
@fieldName currencyByCode
@error NTFND currency There is no such currency.$$;
comment on constraint fx_rates_usd_per_unit_check on app_public.fx_rates is $$
@error INVAL usd_per_unit A rate is above zero.$$;

--------------------------------------------------------------------------------
-- 8020 MRR per account, and every movement of it. Append-only: the sum of an
-- account's movements is its MRR, always.
--------------------------------------------------------------------------------

create table app_public.account_mrr (
  account text constraint account_mrr_pkey primary key,
  brand_id uuid constraint account_mrr_brand_id_fkey references app_public.brand_accounts (id) on delete restrict,
  user_id uuid constraint account_mrr_user_id_fkey references app_public.users (id) on delete restrict,
  customer_id text,
  mrr_usd_minor bigint not null default 0,
  ever_paid boolean not null default false,
  active_subscriptions integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint account_mrr_owner_check check (num_nonnulls(brand_id, user_id, customer_id) = 1),
  constraint account_mrr_mrr_usd_minor_check check (mrr_usd_minor >= 0)
);
create index account_mrr_brand_id_idx on app_public.account_mrr (brand_id);
create index account_mrr_user_id_idx on app_public.account_mrr (user_id);
create index account_mrr_mrr_usd_minor_idx on app_public.account_mrr (mrr_usd_minor desc, account);
comment on table app_public.account_mrr is $$
@admin.label MRR by account
@admin.singular Account
@admin.group Revenue
@admin.icon leaderboard
@admin.order 410
@admin.list account, brand_id, user_id, customer_id, mrr_usd_minor, active_subscriptions
@behavior -insert -update -delete
Monthly recurring revenue of a brand, a shopper, or a customer nobody is linked to yet, in US cents.$$;
comment on column app_public.account_mrr.account is 'brand:<id>, user:<id> or customer:<Stripe id>.';
comment on constraint account_mrr_pkey on app_public.account_mrr is $$
@error TAKEN account This account is here already.$$;
comment on constraint account_mrr_brand_id_fkey on app_public.account_mrr is $$
@fieldName brand
@foreignFieldName mrr
@error NTFND brand_id There is no such brand.$$;
comment on constraint account_mrr_user_id_fkey on app_public.account_mrr is $$
@fieldName user
@foreignFieldName mrr
@error NTFND user_id There is no such person.$$;
comment on constraint account_mrr_owner_check on app_public.account_mrr is $$
@error INVAL account An account is one brand, person or customer.$$;
comment on constraint account_mrr_mrr_usd_minor_check on app_public.account_mrr is $$
@error INVAL mrr_usd_minor MRR is not negative.$$;

create table app_public.mrr_movements (
  id uuid not null default app_private.uuid_v7() constraint mrr_movements_pkey primary key,
  account text not null constraint mrr_movements_account_fkey references app_public.account_mrr (account) on delete restrict,
  brand_id uuid constraint mrr_movements_brand_id_fkey references app_public.brand_accounts (id) on delete restrict,
  subscription_id text,
  occurred_at timestamptz not null,
  kind app_public.mrr_movement_kind not null,
  delta_usd_minor bigint not null,
  before_usd_minor bigint not null,
  after_usd_minor bigint not null,
  is_transfer boolean not null default false,
  source_event_id text not null,
  created_at timestamptz not null default now(),
  constraint mrr_movements_source_key unique (source_event_id, account),
  constraint mrr_movements_delta_check check (
    delta_usd_minor <> 0 and delta_usd_minor = after_usd_minor - before_usd_minor and before_usd_minor >= 0 and after_usd_minor >= 0
  ),
  constraint mrr_movements_kind_check check (case kind
    when 'new' then before_usd_minor = 0 and delta_usd_minor > 0
    when 'reactivation' then before_usd_minor = 0 and delta_usd_minor > 0
    when 'expansion' then before_usd_minor > 0 and delta_usd_minor > 0
    when 'contraction' then after_usd_minor > 0 and delta_usd_minor < 0
    when 'churn' then after_usd_minor = 0 and delta_usd_minor < 0
  end)
);
create index mrr_movements_account_idx on app_public.mrr_movements (account, occurred_at, id);
create index mrr_movements_brand_id_idx on app_public.mrr_movements (brand_id, occurred_at desc);
create index mrr_movements_occurred_at_idx on app_public.mrr_movements (occurred_at desc, id);
comment on table app_public.mrr_movements is $$
@admin.label MRR movements
@admin.singular MRR movement
@admin.group Revenue
@admin.icon trending_up
@admin.order 400
@admin.list occurred_at, account, kind, delta_usd_minor, before_usd_minor, after_usd_minor, source_event_id
@behavior -insert -update -delete
Each change of the MRR of an account, with the event that caused it. Append-only; US cents.$$;
comment on column app_public.mrr_movements.is_transfer is 'A customer was linked to another account: the money moved, nothing was won or lost. Left out of waterfalls.';
comment on column app_public.mrr_movements.occurred_at is 'When it happened by Stripe, not when it was heard of.';
comment on constraint mrr_movements_pkey on app_public.mrr_movements is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint mrr_movements_account_fkey on app_public.mrr_movements is $$
@fieldName accountByAccount
@foreignFieldName movements
@error NTFND account There is no such account.$$;
comment on constraint mrr_movements_brand_id_fkey on app_public.mrr_movements is $$
@fieldName brand
@error NTFND brand_id There is no such brand.$$;
comment on constraint mrr_movements_source_key on app_public.mrr_movements is $$
@error TAKEN source_event_id This event has moved this account already.$$;
comment on constraint mrr_movements_delta_check on app_public.mrr_movements is $$
@error INVAL delta_usd_minor A movement is the difference between before and after.$$;
comment on constraint mrr_movements_kind_check on app_public.mrr_movements is $$
@error INVAL kind The kind of a movement follows from before and after.$$;

create table app_public.acquisition_costs (
  id uuid not null default app_private.uuid_v7() constraint acquisition_costs_pkey primary key,
  month date not null,
  segment text not null default 'all',
  brand_id uuid constraint acquisition_costs_brand_id_fkey references app_public.brand_accounts (id) on delete restrict,
  spend_usd_minor bigint not null,
  gross_margin numeric not null default 0.8,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint acquisition_costs_month_check check (month = date_trunc('month', month)::date),
  constraint acquisition_costs_spend_usd_minor_check check (spend_usd_minor >= 0),
  constraint acquisition_costs_gross_margin_check check (gross_margin between 0 and 1),
  constraint acquisition_costs_segment_check check (length(segment) between 1 and 60),
  constraint acquisition_costs_month_segment_key unique nulls not distinct (month, segment, brand_id)
);
create index acquisition_costs_brand_id_idx on app_public.acquisition_costs (brand_id);
comment on table app_public.acquisition_costs is $$
@admin.label Acquisition costs
@admin.singular Acquisition cost
@admin.group Revenue
@admin.icon campaign
@admin.order 420
@admin.list month, segment, brand_id, spend_usd_minor, gross_margin
@behavior -delete
What sales and marketing cost in a month, and the gross margin of that month: for CAC and LTV.$$;
comment on constraint acquisition_costs_pkey on app_public.acquisition_costs is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint acquisition_costs_brand_id_fkey on app_public.acquisition_costs is $$
@fieldName brand
@error NTFND brand_id There is no such brand.$$;
comment on constraint acquisition_costs_month_check on app_public.acquisition_costs is $$
@error INVAL month A month is given by its first day.$$;
comment on constraint acquisition_costs_spend_usd_minor_check on app_public.acquisition_costs is $$
@error INVAL spend_usd_minor A cost is not negative.$$;
comment on constraint acquisition_costs_gross_margin_check on app_public.acquisition_costs is $$
@error INVAL gross_margin A margin lies between 0 and 1.$$;
comment on constraint acquisition_costs_segment_check on app_public.acquisition_costs is $$
@error INVAL segment A segment has 1 to 60 characters.$$;
comment on constraint acquisition_costs_month_segment_key on app_public.acquisition_costs is $$
@error TAKEN month This month has its costs already.$$;

--------------------------------------------------------------------------------
-- 8030 What a subscription grants, and why: derived from its status and from the
-- metadata of its prices with each event.
--------------------------------------------------------------------------------

create table app_public.subscription_grants (
  subscription_id text not null constraint subscription_grants_subscription_id_fkey
    references app_public.stripe_subscriptions (id) on delete cascade,
  kind app_public.subscription_grant_kind not null,
  brand_id uuid constraint subscription_grants_brand_id_fkey references app_public.brand_accounts (id) on delete restrict,
  user_id uuid constraint subscription_grants_user_id_fkey references app_public.users (id) on delete restrict,
  active boolean not null,
  amount bigint,
  tier text,
  why text not null,
  since timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint subscription_grants_pkey primary key (subscription_id, kind),
  constraint subscription_grants_owner_check check (num_nonnulls(brand_id, user_id) = 1),
  constraint subscription_grants_amount_check check (amount between 1 and 1000000000)
);
create index subscription_grants_brand_id_idx on app_public.subscription_grants (brand_id);
create index subscription_grants_user_id_idx on app_public.subscription_grants (user_id);
comment on table app_public.subscription_grants is $$
@admin.label What plans grant
@admin.singular Grant of a plan
@admin.group Billing
@admin.icon verified
@admin.order 312
@admin.list subscription_id, kind, active, amount, tier, why, since
@behavior -insert -update -delete
What a subscription gives its brand or shopper: pro, credits each month, dataset access, custom models. Kept while active, trialing or past due.$$;
comment on column app_public.subscription_grants.amount is 'Credits a month, where the kind is monthly_credits.';
comment on column app_public.subscription_grants.why is 'The price and the status it follows from.';
comment on constraint subscription_grants_pkey on app_public.subscription_grants is $$
@error TAKEN kind This subscription grants this already.$$;
comment on constraint subscription_grants_subscription_id_fkey on app_public.subscription_grants is $$
@fieldName subscription
@foreignFieldName grants
@error NTFND subscription_id There is no such subscription.$$;
comment on constraint subscription_grants_brand_id_fkey on app_public.subscription_grants is $$
@fieldName brand
@error NTFND brand_id There is no such brand.$$;
comment on constraint subscription_grants_user_id_fkey on app_public.subscription_grants is $$
@fieldName user
@error NTFND user_id There is no such person.$$;
comment on constraint subscription_grants_owner_check on app_public.subscription_grants is $$
@error INVAL brand_id A plan grants to one brand or one person.$$;
comment on constraint subscription_grants_amount_check on app_public.subscription_grants is $$
@error INVAL amount A month has 1 to 1,000,000,000 credits.$$;

--------------------------------------------------------------------------------
-- 7200 Functions and access rules.
--------------------------------------------------------------------------------

--! Included functions/audit/tg__audit.sql
-- The audit trail writes one row per changed row, from statement triggers with
-- transition tables: one insert for a batch of a thousand.
create or replace function app_private.row_diff(before jsonb, after jsonb, redacted text[]) returns jsonb
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    jsonb_object_agg(
      k.key,
      case when k.key = any (redacted) then '"[redacted]"'::jsonb
      else jsonb_build_array(before -> k.key, after -> k.key) end
    ), '{}'
  )
  from (select jsonb_object_keys(coalesce(after, before)) as key) k
  where k.key not in ('fts', 'updated_at', 'created_at')
    and (before -> k.key) is distinct from (after -> k.key)
    -- A new row says what it holds, not what it lacks.
    and not (before is null and after -> k.key = 'null'::jsonb)
$$;
comment on function app_private.row_diff(jsonb, jsonb, text[]) is 'Changed columns as {column: [before, after]}; redacted ones say only that they changed.';
revoke execute on function app_private.row_diff(jsonb, jsonb, text[]) from public;

create or replace function app_private.row_pk(value jsonb, columns text[]) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select string_agg(value ->> c.name, ',' order by c.position)
  from unnest(columns) with ordinality as c (name, position)
$$;
comment on function app_private.row_pk(jsonb, text[]) is 'The primary key of a row as text; parts joined by a comma.';
revoke execute on function app_private.row_pk(jsonb, text[]) from public;

-- Arguments: primary key columns, redacted columns, the column that names the
-- brand ('' for none), columns whose change alone leaves no trace. Definer, because nobody may insert into audit_log.
create or replace function app_private.tg__audit() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_pk text[] := TG_ARGV[0]::text[];
  v_redacted text[] := TG_ARGV[1]::text[];
  v_brand text := TG_ARGV[2];
  -- Triggers from before there was a fourth argument have none.
  v_ignored text[] := coalesce(TG_ARGV[3], '{}')::text[];
  v_kind text := app_hidden.current_actor_kind();
  v_actor uuid := coalesce(app_hidden.current_user_id(), app_hidden.current_api_key_id());
  v_impersonator uuid := app_hidden.current_impersonator_id();
  v_request text := app_hidden.current_request_id();
begin
  if TG_OP = 'INSERT' then
    insert into app_public.audit_log
      (actor_kind, actor_id, impersonator_id, brand_id, action, table_name, row_pk, changed_columns, diff, request_id)
    select v_kind, v_actor, v_impersonator, (r.after ->> v_brand)::uuid, 'insert', TG_TABLE_NAME,
      app_private.row_pk(r.after, v_pk), '{}', app_private.row_diff(null, r.after, v_redacted), v_request
    from (select to_jsonb(n) as after from new_rows n) r;
  elsif TG_OP = 'UPDATE' then
    insert into app_public.audit_log
      (actor_kind, actor_id, impersonator_id, brand_id, action, table_name, row_pk, changed_columns, diff, request_id)
    select v_kind, v_actor, v_impersonator, (r.after ->> v_brand)::uuid, 'update', TG_TABLE_NAME,
      r.pk, array(select jsonb_object_keys(d.diff)), d.diff, v_request
    from (
      select n.pk, o.before, n.after
      from (select app_private.row_pk(to_jsonb(x), v_pk) as pk, to_jsonb(x) as after from new_rows x) n
      join (select app_private.row_pk(to_jsonb(x), v_pk) as pk, to_jsonb(x) as before from old_rows x) o on o.pk = n.pk
    ) r
    cross join lateral (select app_private.row_diff(r.before, r.after, v_redacted) as diff) d
    where d.diff - v_ignored <> '{}';
  else
    insert into app_public.audit_log
      (actor_kind, actor_id, impersonator_id, brand_id, action, table_name, row_pk, changed_columns, diff, request_id)
    select v_kind, v_actor, v_impersonator, (r.before ->> v_brand)::uuid, 'delete', TG_TABLE_NAME,
      app_private.row_pk(r.before, v_pk), '{}', app_private.row_diff(r.before, null, v_redacted), v_request
    from (select to_jsonb(o) as before from old_rows o) r;
  end if;
  return null;
end
$$;
comment on function app_private.tg__audit() is 'Writes the changed rows of one statement to the audit log, as the person of the request.';
revoke execute on function app_private.tg__audit() from public;

drop procedure if exists app_private.audit_table(text, text[], text[], text);
drop procedure if exists app_private.audit_table(text, text[], text[], text, text[]);
create procedure app_private.audit_table(target text, pk text[], redacted text[] default '{}', brand_column text default '',
  ignored text[] default '{}')
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_args text := format('%L, %L, %L, %L', pk, redacted, brand_column, ignored);
begin
  execute format('drop trigger if exists _800_audit_insert on %s', target::regclass);
  execute format('drop trigger if exists _800_audit_update on %s', target::regclass);
  execute format('drop trigger if exists _800_audit_delete on %s', target::regclass);
  execute format(
    'create trigger _800_audit_insert after insert on %s referencing new table as new_rows '
    'for each statement execute function app_private.tg__audit(%s)', target::regclass, v_args);
  execute format(
    'create trigger _800_audit_update after update on %s referencing old table as old_rows new table as new_rows '
    'for each statement execute function app_private.tg__audit(%s)', target::regclass, v_args);
  execute format(
    'create trigger _800_audit_delete after delete on %s referencing old table as old_rows '
    'for each statement execute function app_private.tg__audit(%s)', target::regclass, v_args);
end
$$;
comment on procedure app_private.audit_table(text, text[], text[], text, text[]) is 'Puts the three audit triggers on a table: its key columns, columns to redact, the column that names the brand, and columns whose change alone is not written down.';
--! EndIncluded functions/audit/tg__audit.sql
--! Included functions/audit/row_history.sql
-- The history of a row, for whoever may select the row. A definer function sees
-- everything, so it asks first whether its caller would see this one: it puts
-- together the policies that bind the request's role, and they answer with the
-- request's own claims.
drop function if exists app_hidden.may_select_row(text, text);
create function app_hidden.may_select_row(table_name text, row_pk text) returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_role text := app_hidden.current_request_role();
  v_table oid;
  v_key text;
  v_permissive text;
  v_restrictive text;
  v_visible boolean;
begin
  select c.oid into v_table from pg_class c
  where c.relnamespace = 'app_public'::regnamespace and c.relname = may_select_row.table_name
    and c.relkind in ('r', 'p') and not c.relispartition;
  if v_table is null or v_role is null or not has_table_privilege(v_role, v_table, 'select') then
    return false;
  end if;
  -- The audit trail writes a key as its columns joined by a comma. Each part is
  -- turned back into its own type, so that the primary key's index is used.
  select string_agg(
    format('%I = (string_to_array($1, '',''))[%s]::%s', a.attname, k.position, format_type(a.atttypid, null)),
    ' and ' order by k.position
  ) into v_key
  from pg_index i
  cross join lateral unnest(i.indkey::int2[]) with ordinality as k (attnum, position)
  join pg_attribute a on a.attrelid = v_table and a.attnum = k.attnum
  where i.indrelid = v_table and i.indisprimary;
  select
    string_agg(format('(%s)', pg_get_expr(p.polqual, p.polrelid)), ' or ') filter (where p.polpermissive),
    string_agg(format('(%s)', pg_get_expr(p.polqual, p.polrelid)), ' and ') filter (where not p.polpermissive)
  into v_permissive, v_restrictive
  from pg_policy p
  where p.polrelid = v_table and p.polcmd in ('r', '*') and p.polqual is not null
    and exists (select 1 from unnest(p.polroles) g where g = 0 or pg_has_role(v_role, g, 'usage'));
  if v_key is null or v_permissive is null then
    return false;
  end if;
  execute format(
    'select exists (select 1 from app_public.%I where %s and (%s) and (%s))',
    may_select_row.table_name, v_key, v_permissive, coalesce(v_restrictive, 'true')
  ) into v_visible using may_select_row.row_pk;
  return v_visible;
exception when invalid_text_representation then
  -- "abc" is no uuid, so there is no such row.
  return false;
end
$$;
comment on function app_hidden.may_select_row(text, text) is 'Whether the policies of the request''s role let it select this row of app_public.';
revoke execute on function app_hidden.may_select_row(text, text) from public;

drop function if exists app_public.row_history(text, text);
create function app_public.row_history(
  table_name text, row_pk text,
  out id uuid, out occurred_at timestamptz, out action text, out actor_kind text, out actor_name text,
  out changed_columns text[], out diff jsonb, out reason text, out request_id text
) returns setof record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_brand_id uuid := app_hidden.current_brand_id();
  v_is_staff boolean := app_hidden.current_request_role() like ':ROLE_STAFF%';
begin
  if not app_hidden.may_select_row(row_history.table_name, row_history.row_pk) then
    raise exception 'There is no such record'
      using errcode = 'NTFND', hint = 'It may have been deleted, or it belongs to somebody else';
  end if;
  return query
    select l.id, l.occurred_at, l.action, l.actor_kind,
      case
        when l.actor_id is null then null
        when l.actor_kind = 'staff' and not v_is_staff then 'ClosetAI staff'
        -- A name is shown to whoever may see the person: staff, co-members, oneself.
        when v_is_staff or l.actor_id = app_hidden.current_user_id() or exists (
          select 1 from app_public.brand_members m where m.brand_id = v_brand_id and m.user_id = l.actor_id
        ) then (select coalesce(nullif(u.display_name, ''), u.email) from app_public.users u where u.id = l.actor_id)
      end,
      -- What staff write is written for colleagues.
      l.changed_columns, l.diff, case when l.actor_kind <> 'staff' or v_is_staff then l.reason end, l.request_id
    from app_public.audit_log l
    where l.table_name = row_history.table_name and l.row_pk = row_history.row_pk
    order by l.occurred_at desc, l.id desc
    limit 200;
end
$$;
comment on function app_public.row_history(text, text) is 'The last 200 changes of a row, newest first, for whoever may select the row: who, when, and {column: [before, after]}; the reasons and names of staff are for staff. The key of a composite primary key is its parts joined by a comma. NTFND.';
revoke execute on function app_public.row_history(text, text) from public;
grant execute on function app_public.row_history(text, text) to :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF;
--! EndIncluded functions/audit/row_history.sql
--! Included functions/common/idempotency.sql
-- A write that must happen once carries a key. The first call inserts the row
-- and, in the same transaction, does the work and stores the answer; a second
-- one, also at the same moment, waits on the unique index, finds the row and gets
-- the answer. If the work fails, the row goes with it.
drop function if exists app_private.claim_idempotency_key(text, uuid, text, jsonb);
create function app_private.claim_idempotency_key(owner_kind text, owner_id uuid, key text, request jsonb) returns jsonb
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_hash bytea := sha256(convert_to(claim_idempotency_key.request::text, 'UTF8'));
  v_found app_private.idempotency_keys;
begin
  if claim_idempotency_key.key is null or length(claim_idempotency_key.key) not between 1 and 200 then
    raise exception 'An idempotency key has 1 to 200 characters'
      using errcode = 'INVAL', column = 'idempotency_key', hint = 'Send a new UUID for each new request, and the same one when you try again';
  end if;
  insert into app_private.idempotency_keys as k (owner_kind, owner_id, key, request_hash)
  values (claim_idempotency_key.owner_kind, claim_idempotency_key.owner_id, claim_idempotency_key.key, v_hash)
  on conflict on constraint idempotency_keys_pkey do update
    set request_hash = excluded.request_hash, result = null, created_at = now(), expires_at = now() + interval '24 hours'
    where k.expires_at <= now();
  if found then
    return null;
  end if;
  select * into strict v_found from app_private.idempotency_keys i
  where i.owner_kind = claim_idempotency_key.owner_kind
    and i.owner_id = claim_idempotency_key.owner_id
    and i.key = claim_idempotency_key.key;
  if v_found.request_hash <> v_hash then
    raise exception 'This idempotency key was used for another request'
      using errcode = 'IDEMP', column = 'idempotency_key', hint = 'Send a new key for a new request';
  end if;
  return v_found.result;
end
$$;
revoke execute on function app_private.claim_idempotency_key(text, uuid, text, jsonb) from public;
comment on function app_private.claim_idempotency_key(text, uuid, text, jsonb) is
  'Null when the key is new and now the callers; else the stored answer of the same request. IDEMP when the key came with another request.';

drop function if exists app_private.store_idempotent_result(text, uuid, text, jsonb);
create function app_private.store_idempotent_result(owner_kind text, owner_id uuid, key text, result jsonb) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  update app_private.idempotency_keys i set result = store_idempotent_result.result
  where i.owner_kind = store_idempotent_result.owner_kind
    and i.owner_id = store_idempotent_result.owner_id
    and i.key = store_idempotent_result.key
$$;
revoke execute on function app_private.store_idempotent_result(text, uuid, text, jsonb) from public;
comment on function app_private.store_idempotent_result(text, uuid, text, jsonb) is 'Stores the answer that later calls with this key get.';
--! EndIncluded functions/common/idempotency.sql
select app_private.ensure_partitions();
--! Included functions/credits/ledger.sql
-- A transfer moves the balances of its two accounts. Both rows are locked in the
-- order of their ids, so two transfers cannot wait for each other; the CHECK on
-- the balance is the last guard. AFTER, so that a row another trigger held back
-- moves nothing. NO KEY, here and wherever accounts are locked: the foreign keys
-- of a transfer have locked both rows FOR KEY SHARE by now, as those of another
-- transfer may have, and FOR UPDATE would let the two wait for each other.
create or replace function app_private.tg_credit_transfers__apply() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform 1 from app_public.credit_accounts a
  where a.id in (NEW.debit_account, NEW.credit_account)
  order by a.id
  for no key update;
  update app_public.credit_accounts set balance = balance - NEW.amount where id = NEW.debit_account;
  update app_public.credit_accounts set balance = balance + NEW.amount where id = NEW.credit_account;
  return null;
end
$$;
revoke execute on function app_private.tg_credit_transfers__apply() from public;
comment on function app_private.tg_credit_transfers__apply() is 'Moves the balances of both accounts of a new transfer.';

create or replace trigger _500_ledger_apply after insert on app_public.credit_transfers
  for each row execute function app_private.tg_credit_transfers__apply();

create or replace trigger _900_append_only before update or delete on app_public.credit_transfers
  for each row execute function app_private.tg__append_only();
create or replace trigger _900_append_only_truncate before truncate on app_public.credit_transfers
  for each statement execute function app_private.tg__append_only();

-- The system account of a kind for this transaction. There are 16 of each, so that
-- settlements seldom wait for each other; one transaction keeps to one of them, or
-- two that book for many owners would take them in different orders and wait in a
-- circle. Giving and ending may follow each other either way, so that the first of
-- the two locks both. Whoever captures does neither.
drop function if exists app_private.system_account(app_public.credit_account_kind, uuid);
create or replace function app_private.system_account(kind app_public.credit_account_kind) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_shard integer := (pg_current_xact_id()::text)::numeric % 16;
begin
  if system_account.kind in ('system_grants', 'system_expired') then
    perform 1 from app_public.credit_accounts a
    where a.id in (app_private.system_account_id('system_grants', v_shard), app_private.system_account_id('system_expired', v_shard))
    order by a.id
    for no key update;
  end if;
  return app_private.system_account_id(system_account.kind, v_shard);
end
$$;
revoke execute on function app_private.system_account(app_public.credit_account_kind) from public;
comment on function app_private.system_account(app_public.credit_account_kind) is
  'Id of the system account of a kind that this transaction books on. Call with the wallets locked.';

create or replace function app_private.system_account_id(kind app_public.credit_account_kind, shard integer) returns uuid
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select ('ffffffff-ffff-7fff-bfff-' || lpad(to_hex(
    case system_account_id.kind when 'system_grants' then 16 when 'system_consumed' then 32 when 'system_expired' then 48 end
    + system_account_id.shard
  ), 12, '0'))::uuid
$$;
revoke execute on function app_private.system_account_id(app_public.credit_account_kind, integer) from public;
comment on function app_private.system_account_id(app_public.credit_account_kind, integer) is 'Id of a shard of a system account.';

-- The two accounts of an owner, made when they are first needed, locked in the
-- order of their ids. Everything that changes a wallet takes this lock first and
-- reads grants in a later statement, whose snapshot then sees what the last
-- holder of the lock wrote.
drop function if exists app_private.lock_wallet(uuid, uuid);
drop type if exists app_private.wallet;
create type app_private.wallet as (available_id uuid, held_id uuid, available bigint, held bigint);
create function app_private.lock_wallet(user_id uuid, brand_id uuid) returns app_private.wallet
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wallet app_private.wallet;
  v_account app_public.credit_accounts;
  v_found integer := 0;
begin
  for v_try in 1..2 loop
    for v_account in
      select * from app_public.credit_accounts a
      where a.kind in ('available', 'held')
        and a.owner_user_id is not distinct from lock_wallet.user_id
        and a.owner_brand_id is not distinct from lock_wallet.brand_id
      order by a.id
      for no key update
    loop
      v_found := v_found + 1;
      if v_account.kind = 'available' then
        v_wallet.available_id := v_account.id;
        v_wallet.available := v_account.balance;
      else
        v_wallet.held_id := v_account.id;
        v_wallet.held := v_account.balance;
      end if;
    end loop;
    exit when v_found = 2;
    v_found := 0;
    insert into app_public.credit_accounts (owner_user_id, owner_brand_id, kind)
    values (lock_wallet.user_id, lock_wallet.brand_id, 'available'), (lock_wallet.user_id, lock_wallet.brand_id, 'held')
    on conflict do nothing;
  end loop;
  return v_wallet;
end
$$;
revoke execute on function app_private.lock_wallet(uuid, uuid) from public;
comment on function app_private.lock_wallet(uuid, uuid) is 'Locks the accounts of one person or one brand and returns their ids and balances.';
--! EndIncluded functions/credits/ledger.sql
--! Included functions/credits/grants.sql
-- The month of free credits that a moment falls into: anchored on the day of
-- sign-up (UTC), clamped to the end of a short month, always counted from the
-- original day: 31 January, 29 February, 31 March.
drop function if exists app_private.credit_month(timestamptz, timestamptz);
create function app_private.credit_month(
  signed_up timestamptz, moment timestamptz, out period_start timestamptz, out period_end timestamptz
) returns record
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_day timestamp := date_trunc('day', credit_month.signed_up at time zone 'UTC');
  v_at timestamp := credit_month.moment at time zone 'UTC';
  v_months integer := greatest(0,
    (extract(year from v_at)::integer - extract(year from v_day)::integer) * 12
    + extract(month from v_at)::integer - extract(month from v_day)::integer);
begin
  if v_months > 0 and v_day + make_interval(months => v_months) > v_at then
    v_months := v_months - 1;
  end if;
  period_start := (v_day + make_interval(months => v_months)) at time zone 'UTC';
  period_end := (v_day + make_interval(months => v_months + 1)) at time zone 'UTC';
end
$$;
revoke execute on function app_private.credit_month(timestamptz, timestamptz) from public;
comment on function app_private.credit_month(timestamptz, timestamptz) is 'Start and end (half-open) of the month of free credits that a moment falls into.';

-- What is left of a grant when it ends goes to the system (breakage). Call with
-- the wallet locked.
drop function if exists app_private.expire_wallet_grants(uuid, uuid, timestamptz);
create function app_private.expire_wallet_grants(user_id uuid, brand_id uuid, as_of timestamptz) returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wallet app_private.wallet := app_private.lock_wallet(expire_wallet_grants.user_id, expire_wallet_grants.brand_id);
  v_grant app_public.credit_grants;
  v_count integer := 0;
begin
  for v_grant in
    select * from app_public.credit_grants g
    where g.owner_user_id is not distinct from expire_wallet_grants.user_id
      and g.owner_brand_id is not distinct from expire_wallet_grants.brand_id
      and not g.lapsed and g.expires_at <= expire_wallet_grants.as_of
    order by g.id
  loop
    update app_public.credit_grants set expired = expired + remaining, remaining = 0, lapsed = true where id = v_grant.id;
    continue when v_grant.remaining = 0;
    insert into app_public.credit_transfers
      (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, grant_id)
    values
      (v_grant.owner_user_id, v_grant.owner_brand_id, 'expire', v_wallet.available_id,
       app_private.system_account('system_expired'), v_grant.remaining, v_grant.id);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
revoke execute on function app_private.expire_wallet_grants(uuid, uuid, timestamptz) from public;
comment on function app_private.expire_wallet_grants(uuid, uuid, timestamptz) is 'Ends the grants of one wallet whose time is up; returns how many had credits left.';

-- Gives credits. Once per owner, source and period where there is a period: null
-- is returned when it was given already.
drop function if exists app_private.add_grant(uuid, uuid, app_public.credit_source, bigint, timestamptz, timestamptz, timestamptz, text);
drop function if exists app_private.add_grant(uuid, uuid, app_public.credit_source, bigint, timestamptz, timestamptz, timestamptz, text, text, smallint);
create function app_private.add_grant(
  user_id uuid, brand_id uuid, source app_public.credit_source, amount bigint,
  effective_at timestamptz default now(), expires_at timestamptz default null,
  period_start timestamptz default null, note text default null,
  idempotency_key text default null, priority smallint default null
) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wallet app_private.wallet;
  v_grant_id uuid;
begin
  if add_grant.amount is null or add_grant.amount < 1 then
    raise exception 'An amount of credits is above zero'
      using errcode = 'INVAL', column = 'amount', hint = 'Give a whole number of at least 1';
  end if;
  v_wallet := app_private.lock_wallet(add_grant.user_id, add_grant.brand_id);
  insert into app_public.credit_grants
    (owner_user_id, owner_brand_id, source, amount, remaining, priority, effective_at, expires_at, period_start, note)
  values
    (add_grant.user_id, add_grant.brand_id, add_grant.source, add_grant.amount, add_grant.amount,
     coalesce(add_grant.priority, case when add_grant.source in ('free_monthly', 'promo') then 10 else 20 end),
     add_grant.effective_at, add_grant.expires_at, add_grant.period_start, add_grant.note)
  on conflict do nothing
  returning id into v_grant_id;
  if v_grant_id is null then
    return null;
  end if;
  insert into app_public.credit_transfers
    (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, grant_id, idempotency_key, reason)
  values
    (add_grant.user_id, add_grant.brand_id, 'grant', app_private.system_account('system_grants'),
     v_wallet.available_id, add_grant.amount, v_grant_id, add_grant.idempotency_key, add_grant.note);
  return v_grant_id;
end
$$;
revoke execute on function app_private.add_grant(uuid, uuid, app_public.credit_source, bigint, timestamptz, timestamptz, timestamptz, text, text, smallint) from public;
comment on function app_private.add_grant(uuid, uuid, app_public.credit_source, bigint, timestamptz, timestamptz, timestamptz, text, text, smallint) is
  'Grants credits to one person or brand and books it; returns the grant, or null when this period was granted before.';

-- The free credits of the month that as_of falls into, if they are not there.
-- Missed months are not made up for: only the current one is alive.
drop function if exists app_private.grant_free_month(uuid, timestamptz);
create function app_private.grant_free_month(user_id uuid, as_of timestamptz) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_signed_up timestamptz;
  v_month record;
  v_grant_id uuid;
begin
  select u.created_at into v_signed_up from app_public.users u
  where u.id = grant_free_month.user_id and u.status <> 'erased';
  if not found then
    -- Nobody to give to: do not come back for this wallet.
    update app_public.credit_accounts a set next_grant_at = null
    where a.owner_user_id = grant_free_month.user_id and a.kind = 'available' and a.next_grant_at is not null;
    return false;
  end if;
  select * into v_month from app_private.credit_month(v_signed_up, grant_free_month.as_of);
  perform app_private.expire_wallet_grants(grant_free_month.user_id, null, greatest(grant_free_month.as_of, v_month.period_start));
  if exists (
    select 1 from app_public.credit_grants g
    where g.owner_user_id = grant_free_month.user_id and g.source = 'free_monthly' and g.period_start > v_month.period_start
  ) then
    -- Asked about the past: a later month is alive, and two never are.
    return false;
  end if;
  v_grant_id := app_private.add_grant(
    grant_free_month.user_id, null, 'free_monthly', 25,
    greatest(v_month.period_start, v_signed_up), v_month.period_end, v_month.period_start
  );
  update app_public.credit_accounts a set next_grant_at = v_month.period_end
  where a.owner_user_id = grant_free_month.user_id and a.kind = 'available'
    and a.next_grant_at is distinct from v_month.period_end;
  return v_grant_id is not null;
end
$$;
revoke execute on function app_private.grant_free_month(uuid, timestamptz) from public;
comment on function app_private.grant_free_month(uuid, timestamptz) is 'Gives a person the 25 free credits of the month of as_of, once; ends older ones. True when they were given now.';

drop function if exists app_private.grant_due_monthly(timestamptz, integer);
create function app_private.grant_due_monthly(as_of timestamptz default now(), batch integer default 500) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_count integer := 0;
begin
  -- People from before there were wallets: their wallet is opened, and is due.
  insert into app_public.credit_accounts (owner_user_id, kind, next_grant_at)
  select u.id, k.kind, case when k.kind = 'available' then u.created_at end
  from (
    select u.id, u.created_at from app_public.users u
    where u.status <> 'erased'
      and not exists (select 1 from app_public.credit_accounts a where a.owner_user_id = u.id and a.kind = 'available')
    order by u.id
    limit grant_due_monthly.batch
  ) u
  cross join (values ('available'::app_public.credit_account_kind), ('held')) k (kind)
  on conflict do nothing;

  -- Wallets first, all of them, in the order of their ids; the system accounts
  -- come last by theirs.
  for v_user_id in
    with due as materialized (
      select a.id, a.owner_user_id from app_public.credit_accounts a
      where a.next_grant_at <= grant_due_monthly.as_of
      order by a.next_grant_at
      limit grant_due_monthly.batch
    ), locked as materialized (
      select a.id, a.owner_user_id from app_public.credit_accounts a
      where a.owner_user_id in (select d.owner_user_id from due d) and a.kind in ('available', 'held')
      order by a.id
      for no key update
    )
    select distinct l.owner_user_id from locked l order by 1
  loop
    perform app_private.grant_free_month(v_user_id, grant_due_monthly.as_of);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
revoke execute on function app_private.grant_due_monthly(timestamptz, integer) from public;
grant execute on function app_private.grant_due_monthly(timestamptz, integer) to :ROLE_WORKER;
comment on function app_private.grant_due_monthly(timestamptz, integer) is
  'Gives the free credits that are due as of a moment, for up to batch people; returns how many were looked at. Call again until 0.';

drop function if exists app_private.expire_grants(timestamptz, integer);
create function app_private.expire_grants(as_of timestamptz default now(), batch integer default 500) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_owner record;
  v_count integer := 0;
begin
  for v_owner in
    with due as materialized (
      select g.owner_user_id, g.owner_brand_id from app_public.credit_grants g
      where not g.lapsed and g.expires_at <= expire_grants.as_of
      order by g.expires_at
      limit expire_grants.batch
    ), locked as materialized (
      select a.id, a.owner_user_id, a.owner_brand_id from app_public.credit_accounts a
      where a.kind in ('available', 'held') and (
        a.owner_user_id in (select d.owner_user_id from due d where d.owner_user_id is not null)
        or a.owner_brand_id in (select d.owner_brand_id from due d where d.owner_brand_id is not null)
      )
      order by a.id
      for no key update
    )
    select distinct l.owner_user_id, l.owner_brand_id from locked l order by 1, 2
  loop
    perform app_private.expire_wallet_grants(v_owner.owner_user_id, v_owner.owner_brand_id, expire_grants.as_of);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
revoke execute on function app_private.expire_grants(timestamptz, integer) from public;
grant execute on function app_private.expire_grants(timestamptz, integer) to :ROLE_WORKER;
comment on function app_private.expire_grants(timestamptz, integer) is 'Ends grants whose time is up as of a moment, up to batch at once; returns how many wallets were looked at. Call again until 0.';

-- Everybody starts with a wallet and, as a person, with the first free month.
create or replace function app_private.tg_users__wallet() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.grant_free_month(NEW.id, greatest(NEW.created_at, now()));
  return null;
end
$$;
revoke execute on function app_private.tg_users__wallet() from public;
comment on function app_private.tg_users__wallet() is 'Opens the wallet of a new person, with the first free credits.';
create or replace trigger _500_signup after insert on app_public.users
  for each row when (NEW.status <> 'erased') execute function app_private.tg_users__wallet();

create or replace function app_private.tg_brand_accounts__wallet() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.lock_wallet(null, NEW.id);
  return null;
end
$$;
revoke execute on function app_private.tg_brand_accounts__wallet() from public;
comment on function app_private.tg_brand_accounts__wallet() is 'Opens the wallet of a new brand, empty.';
create or replace trigger _500_wallet after insert on app_public.brand_accounts
  for each row execute function app_private.tg_brand_accounts__wallet();
--! EndIncluded functions/credits/grants.sql
--! Included functions/credits/holds.sql
-- A hold reserves credits for one job, from the grants that are spent first, and
-- is settled once: captured, or given back. Like a two-phase transfer: pending,
-- then posted or voided.
drop function if exists app_private.place_hold(uuid, uuid, uuid, bigint);
create function app_private.place_hold(tryon_job_id uuid, user_id uuid, brand_id uuid, amount bigint) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wallet app_private.wallet;
  v_grant app_public.credit_grants;
  v_hold_id uuid := app_private.uuid_v7();
  v_left bigint := place_hold.amount;
  v_take bigint;
  v_spendable bigint := 0;
  v_grants uuid[] := '{}';
  v_takes bigint[] := '{}';
begin
  if place_hold.amount is null or place_hold.amount < 1 then
    raise exception 'A hold is for at least one credit'
      using errcode = 'INVAL', column = 'amount', hint = 'Give a whole number of at least 1';
  end if;
  v_wallet := app_private.lock_wallet(place_hold.user_id, place_hold.brand_id);
  -- Whoever asks on the day the month turns does not wait for the nightly round.
  if exists (
    select 1 from app_public.credit_accounts a where a.id = v_wallet.available_id and a.next_grant_at <= now()
  ) then
    perform app_private.grant_free_month(place_hold.user_id, now());
  end if;
  for v_grant in
    select * from app_public.credit_grants g
    where g.owner_user_id is not distinct from place_hold.user_id
      and g.owner_brand_id is not distinct from place_hold.brand_id
      and g.remaining > 0 and g.effective_at <= now() and (g.expires_at is null or g.expires_at > now())
    order by g.priority, g.expires_at nulls last, g.created_at, g.id
  loop
    v_take := least(v_left, v_grant.remaining);
    v_spendable := v_spendable + v_grant.remaining;
    v_left := v_left - v_take;
    v_grants := v_grants || v_grant.id;
    v_takes := v_takes || v_take;
    exit when v_left = 0;
  end loop;
  if v_left > 0 then
    raise exception 'There are not enough credits: % needed, % available', place_hold.amount, v_spendable
      using errcode = 'NOCRD', column = 'payer',
        hint = case when place_hold.brand_id is null
          then 'Free credits come back each month; more can be bought'
          else 'Ask an owner of the brand to buy credits' end;
  end if;
  insert into app_public.credit_holds (id, owner_user_id, owner_brand_id, tryon_job_id, amount)
  values (v_hold_id, place_hold.user_id, place_hold.brand_id, place_hold.tryon_job_id, place_hold.amount);
  insert into app_public.credit_hold_lines (hold_id, grant_id, owner_user_id, owner_brand_id, amount)
  select v_hold_id, l.grant_id, place_hold.user_id, place_hold.brand_id, l.amount
  from unnest(v_grants, v_takes) l (grant_id, amount);
  update app_public.credit_grants g set remaining = g.remaining - l.amount
  from unnest(v_grants, v_takes) l (grant_id, amount)
  where g.id = l.grant_id;
  insert into app_public.credit_transfers
    (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, hold_id)
  values
    (place_hold.user_id, place_hold.brand_id, 'hold', v_wallet.available_id, v_wallet.held_id, place_hold.amount, v_hold_id);
  return v_hold_id;
end
$$;
revoke execute on function app_private.place_hold(uuid, uuid, uuid, bigint) from public;
comment on function app_private.place_hold(uuid, uuid, uuid, bigint) is
  'Reserves credits of one person or brand for a job and returns the hold. NOCRD when there are not enough: nothing is written then.';

-- Settles the hold of a job. Called again, it does nothing and says what the
-- first call did. Credits whose grant ended while they were held can still be
-- captured; given back, they go where ended credits go.
drop function if exists app_private.settle_hold(uuid, boolean);
create function app_private.settle_hold(tryon_job_id uuid, captured boolean) returns app_public.credit_hold_status
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_hold app_public.credit_holds;
  v_wallet app_private.wallet;
  v_alive bigint;
  v_ended bigint;
  v_gift app_public.credit_grants;
begin
  select * into v_hold from app_public.credit_holds h where h.tryon_job_id = settle_hold.tryon_job_id for update;
  if not found then
    raise exception 'This job has no hold'
      using errcode = 'NTFND', column = 'tryon_job_id', hint = 'A job paid by an entitlement has none';
  end if;
  if v_hold.status <> 'open' then
    return v_hold.status;
  end if;
  v_wallet := app_private.lock_wallet(v_hold.owner_user_id, v_hold.owner_brand_id);
  if settle_hold.captured then
    insert into app_public.credit_transfers
      (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, hold_id)
    values
      (v_hold.owner_user_id, v_hold.owner_brand_id, 'capture', v_wallet.held_id,
       app_private.system_account('system_consumed'), v_hold.amount, v_hold.id);
    update app_public.credit_holds set status = 'captured', settled_at = now() where id = v_hold.id;
    return 'captured';
  end if;
  select
    coalesce(sum(l.amount) filter (where not g.ended), 0),
    coalesce(sum(l.amount) filter (where g.ended), 0)
  into v_alive, v_ended
  from app_public.credit_hold_lines l
  -- Lapsed as well: the sweep may have been here after this transaction began,
  -- and nothing would ever end what came back to such a grant.
  join lateral (
    select coalesce(c.lapsed or c.expires_at <= now(), false) as ended from app_public.credit_grants c where c.id = l.grant_id
  ) g on true
  where l.hold_id = v_hold.id;
  update app_public.credit_grants g
  set remaining = g.remaining + case when g.lapsed or g.expires_at <= now() then 0 else l.amount end,
    expired = g.expired + case when g.lapsed or g.expires_at <= now() then l.amount else 0 end
  from app_public.credit_hold_lines l
  where l.hold_id = v_hold.id and g.id = l.grant_id;
  if v_alive > 0 then
    insert into app_public.credit_transfers
      (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, hold_id)
    values
      (v_hold.owner_user_id, v_hold.owner_brand_id, 'release', v_wallet.held_id, v_wallet.available_id, v_alive, v_hold.id);
  end if;
  if v_ended > 0 then
    insert into app_public.credit_transfers
      (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, hold_id)
    values
      (v_hold.owner_user_id, v_hold.owner_brand_id, 'expire', v_wallet.held_id,
       app_private.system_account('system_expired'), v_ended, v_hold.id);
  end if;
  -- What was given for this job alone goes where it came from, or a repeat that
  -- comes to nothing would make credits: those of the first job are back already.
  select g.* into v_gift from app_public.credit_transfers t join app_public.credit_grants g on g.id = t.grant_id
  where t.idempotency_key = 'gift:' || settle_hold.tryon_job_id and g.remaining > 0;
  if found then
    update app_public.credit_grants g set remaining = 0, expired = g.expired + g.remaining where g.id = v_gift.id;
    insert into app_public.credit_transfers
      (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, grant_id, idempotency_key, reason)
    values
      (v_gift.owner_user_id, v_gift.owner_brand_id, 'adjust', v_wallet.available_id, app_private.system_account('system_grants'),
       v_gift.remaining, v_gift.id, 'gift-back:' || settle_hold.tryon_job_id, 'The try-on these were given for came to nothing');
  end if;
  update app_public.credit_holds
  set status = case when v_alive > 0 then 'released'::app_public.credit_hold_status else 'expired' end, settled_at = now()
  where id = v_hold.id
  returning status into v_hold.status;
  return v_hold.status;
end
$$;
revoke execute on function app_private.settle_hold(uuid, boolean) from public;
comment on function app_private.settle_hold(uuid, boolean) is
  'Captures or gives back the hold of a job, once, and takes back what was given for it alone; returns its status. NTFND when the job has none.';
--! EndIncluded functions/credits/holds.sql
--! Included functions/credits/staff.sql
-- Corrections by staff: a new entry with a reason, never a change of an old one.
-- Definer functions check their caller themselves: the grant says which role, the
-- check says that the person still holds it.
drop function if exists app_private.assert_staff(app_public.staff_role[], text);
create function app_private.assert_staff(roles app_public.staff_role[], refusal text) returns uuid
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.current_user_id();
begin
  if not exists (
    select 1 from app_public.staff_members s
    join app_public.users u on u.id = s.user_id and u.status = 'active'
    where s.user_id = v_user_id and s.role = any (assert_staff.roles)
  ) or app_hidden.current_actor_kind() <> 'staff' then
    raise exception '%', assert_staff.refusal
      using errcode = 'DNIED', hint = 'Ask a colleague of ' || array_to_string(assert_staff.roles, ' or ');
  end if;
  return v_user_id;
end
$$;
revoke execute on function app_private.assert_staff(app_public.staff_role[], text) from public;
comment on function app_private.assert_staff(app_public.staff_role[], text) is 'The person of this request, who is staff in one of these roles right now; else DNIED.';

drop function if exists app_private.assert_reason(text);
create function app_private.assert_reason(reason text) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if length(btrim(coalesce(assert_reason.reason, ''))) not between 10 and 500 then
    raise exception 'Say why in 10 to 500 characters'
      using errcode = 'INVAL', column = 'reason', hint = 'Name the case or ticket';
  end if;
  return btrim(assert_reason.reason);
end
$$;
revoke execute on function app_private.assert_reason(text) from public;
comment on function app_private.assert_reason(text) is 'The reason, trimmed; INVAL unless it has 10 to 500 characters.';

drop function if exists app_public.adjust_credits(integer, text, text, uuid, uuid, timestamptz);
create function app_public.adjust_credits(
  amount integer, reason text, idempotency_key text, user_id uuid default null, brand_id uuid default null,
  expires_at timestamptz default null
) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_staff_id uuid := app_private.assert_staff('{finance}', 'You may not correct a wallet');
  v_reason text := app_private.assert_reason(adjust_credits.reason);
  v_replay jsonb;
  v_wallet app_private.wallet;
  v_grant app_public.credit_grants;
  v_left bigint := -(adjust_credits.amount::bigint);
  v_take bigint;
  v_balance bigint;
begin
  if num_nonnulls(adjust_credits.user_id, adjust_credits.brand_id) <> 1 then
    raise exception 'A wallet belongs to one person or one brand'
      using errcode = 'INVAL', column = 'user_id', hint = 'Name either a person or a brand';
  end if;
  if adjust_credits.amount is null or adjust_credits.amount = 0
    or adjust_credits.amount not between -1000000 and 1000000 then
    raise exception 'A correction adds or takes 1 to 1,000,000 credits'
      using errcode = 'INVAL', column = 'amount', hint = 'A number above zero adds, one below zero takes away';
  end if;
  if adjust_credits.expires_at is not null and (adjust_credits.amount < 0 or adjust_credits.expires_at <= now()) then
    raise exception 'Only added credits end, and in the future'
      using errcode = 'INVAL', column = 'expires_at', hint = 'Leave it empty for credits that do not end';
  end if;
  if not exists (select 1 from app_public.users u where u.id = adjust_credits.user_id and u.status <> 'erased')
    and not exists (select 1 from app_public.brand_accounts b where b.id = adjust_credits.brand_id) then
    raise exception 'There is no such wallet'
      using errcode = 'NTFND', column = case when adjust_credits.brand_id is null then 'user_id' else 'brand_id' end,
        hint = 'Check the id on the page of the person or brand';
  end if;
  v_replay := app_private.claim_idempotency_key('user', v_staff_id, adjust_credits.idempotency_key, jsonb_build_object(
    'call', 'adjust_credits', 'amount', adjust_credits.amount, 'user_id', adjust_credits.user_id,
    'brand_id', adjust_credits.brand_id, 'expires_at', adjust_credits.expires_at, 'reason', v_reason));
  if v_replay is not null then
    return (v_replay ->> 'balance')::bigint;
  end if;

  v_wallet := app_private.lock_wallet(adjust_credits.user_id, adjust_credits.brand_id);
  if adjust_credits.amount > 0 then
    perform app_private.add_grant(
      adjust_credits.user_id, adjust_credits.brand_id, 'adjustment', adjust_credits.amount,
      -- The owner reads this: the reason is for the trail only.
      now(), adjust_credits.expires_at, null, 'Correction by ClosetAI');
  else
    -- Taken from what would be spent first, one entry per grant.
    perform app_private.expire_wallet_grants(adjust_credits.user_id, adjust_credits.brand_id, now());
    for v_grant in
      select * from app_public.credit_grants g
      where g.owner_user_id is not distinct from adjust_credits.user_id
        and g.owner_brand_id is not distinct from adjust_credits.brand_id
        and g.remaining > 0 and g.effective_at <= now()
      order by g.priority, g.expires_at nulls last, g.created_at, g.id
    loop
      v_take := least(v_left, v_grant.remaining);
      update app_public.credit_grants set remaining = remaining - v_take, expired = expired + v_take where id = v_grant.id;
      insert into app_public.credit_transfers
        (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, grant_id, reason)
      values
        (adjust_credits.user_id, adjust_credits.brand_id, 'adjust', v_wallet.available_id,
         app_private.system_account('system_grants'), v_take, v_grant.id, 'Correction by ClosetAI');
      v_left := v_left - v_take;
      exit when v_left = 0;
    end loop;
    if v_left > 0 then
      raise exception 'The wallet holds only % credits', -adjust_credits.amount - v_left
        using errcode = 'NOCRD', column = 'amount', hint = 'Take at most what is available';
    end if;
  end if;
  -- Of no brand: a brand's owner reads the rows of the brand.
  insert into app_public.audit_log
    (actor_kind, actor_id, impersonator_id, action, table_name, row_pk, diff, reason, request_id)
  values
    ('staff', v_staff_id, app_hidden.current_impersonator_id(), 'adjust_credits', 'credit_accounts',
     v_wallet.available_id::text, jsonb_build_object('amount', jsonb_build_array(null, adjust_credits.amount)), v_reason,
     app_hidden.current_request_id());
  select a.balance into v_balance from app_public.credit_accounts a where a.id = v_wallet.available_id;
  perform app_private.store_idempotent_result(
    'user', v_staff_id, adjust_credits.idempotency_key, jsonb_build_object('balance', v_balance));
  return v_balance;
end
$$;
revoke execute on function app_public.adjust_credits(integer, text, text, uuid, uuid, timestamptz) from public;
grant execute on function app_public.adjust_credits(integer, text, text, uuid, uuid, timestamptz) to :ROLE_STAFF_FINANCE;
comment on function app_public.adjust_credits(integer, text, text, uuid, uuid, timestamptz) is
  'Adds credits to a wallet or takes some away, with a reason (10 to 500 characters); returns what is available then. Finance only; leaves an audit row. DNIED, INVAL, NTFND, NOCRD, IDEMP.';

drop function if exists app_public.grant_pro(uuid, timestamptz, timestamptz, text);
create function app_public.grant_pro(user_id uuid, starts_at timestamptz, ends_at timestamptz, reason text)
returns app_public.user_entitlements
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_staff_id uuid := app_private.assert_staff('{finance}', 'You may not give an entitlement');
  v_reason text := app_private.assert_reason(grant_pro.reason);
  v_entitlement app_public.user_entitlements;
begin
  if grant_pro.starts_at is null or grant_pro.ends_at is null or grant_pro.ends_at <= grant_pro.starts_at then
    raise exception 'An entitlement ends after it begins'
      using errcode = 'INVAL', column = 'ends_at', hint = 'Choose a later end';
  end if;
  if not exists (select 1 from app_public.users u where u.id = grant_pro.user_id and u.status <> 'erased') then
    raise exception 'There is no such person'
      using errcode = 'NTFND', column = 'user_id', hint = 'Check the id on the page of the person';
  end if;
  insert into app_public.user_entitlements (user_id, kind, period, source)
  values (grant_pro.user_id, 'pro_unlimited', tstzrange(grant_pro.starts_at, grant_pro.ends_at), 'ClosetAI')
  returning * into v_entitlement;
  insert into app_public.audit_log
    (actor_kind, actor_id, impersonator_id, action, table_name, row_pk, diff, reason, request_id)
  values
    ('staff', v_staff_id, app_hidden.current_impersonator_id(), 'grant_pro', 'user_entitlements', v_entitlement.id::text,
     jsonb_build_object('period', jsonb_build_array(null, v_entitlement.period::text)), v_reason, app_hidden.current_request_id());
  return v_entitlement;
end
$$;
revoke execute on function app_public.grant_pro(uuid, timestamptz, timestamptz, text) from public;
grant execute on function app_public.grant_pro(uuid, timestamptz, timestamptz, text) to :ROLE_STAFF_FINANCE;
comment on function app_public.grant_pro(uuid, timestamptz, timestamptz, text) is
  'Unlimited try-ons for a person from starts_at until ends_at, with a reason. Finance only. DNIED, INVAL, NTFND, TAKEN when a period overlaps.';

drop function if exists app_public.end_pro(uuid, text, timestamptz);
create function app_public.end_pro(entitlement_id uuid, reason text, ends_at timestamptz default null)
returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_staff_id uuid := app_private.assert_staff('{finance}', 'You may not end an entitlement');
  v_reason text := app_private.assert_reason(end_pro.reason);
  v_end timestamptz := coalesce(end_pro.ends_at, now());
  v_entitlement app_public.user_entitlements;
begin
  select * into v_entitlement from app_public.user_entitlements e where e.id = end_pro.entitlement_id for update;
  if not found then
    raise exception 'There is no such entitlement'
      using errcode = 'NTFND', column = 'entitlement_id', hint = 'Go back to the list';
  end if;
  if upper(v_entitlement.period) <= now() then
    raise exception 'This entitlement has ended'
      using errcode = 'STATE', column = 'entitlement_id', hint = 'Reload: there is nothing left to end';
  end if;
  if v_end < now() or v_end >= upper(v_entitlement.period) then
    raise exception 'An entitlement ends now or later, and earlier than before'
      using errcode = 'INVAL', column = 'ends_at', hint = 'Leave it empty to end it now; give another one to prolong it';
  end if;
  -- One that has not begun by its end is none.
  if v_end <= lower(v_entitlement.period) then
    delete from app_public.user_entitlements e where e.id = v_entitlement.id;
  else
    update app_public.user_entitlements e set period = tstzrange(lower(e.period), v_end) where e.id = v_entitlement.id;
  end if;
  insert into app_public.audit_log
    (actor_kind, actor_id, impersonator_id, action, table_name, row_pk, diff, reason, request_id)
  values
    ('staff', v_staff_id, app_hidden.current_impersonator_id(), 'end_pro', 'user_entitlements', v_entitlement.id::text,
     jsonb_build_object('ends_at', jsonb_build_array(upper(v_entitlement.period), v_end)), v_reason, app_hidden.current_request_id());
  return v_entitlement.id;
end
$$;
revoke execute on function app_public.end_pro(uuid, text, timestamptz) from public;
grant execute on function app_public.end_pro(uuid, text, timestamptz) to :ROLE_STAFF_FINANCE;
comment on function app_public.end_pro(uuid, text, timestamptz) is $$
@admin.label End
@admin.icon block
@admin.action row of user_entitlements
@admin.confirm End this entitlement? Try-ons asked for after that cost credits again.
Ends an entitlement now, or at a moment before its end, with a reason (10 to 500 characters); one that has not begun then is removed. Finance only; leaves an audit row. DNIED, INVAL, NTFND, STATE.$$;
--! EndIncluded functions/credits/staff.sql
--! Included functions/credits/reconcile.sql
-- The books against themselves: each branch is an invariant that must return no row.
drop function if exists app_private.credit_reconcile();
create function app_private.credit_reconcile() returns table (invariant text, detail text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select 'credits_do_not_sum_to_zero', sum(a.balance)::text
  from app_public.credit_accounts a
  having sum(a.balance) <> 0
  union all
  select 'balance_differs_from_transfers', a.id::text
  from app_public.credit_accounts a
  left join (select debit_account as id, sum(amount) as amount from app_public.credit_transfers group by 1) d on d.id = a.id
  left join (select credit_account as id, sum(amount) as amount from app_public.credit_transfers group by 1) c on c.id = a.id
  where a.balance <> coalesce(c.amount, 0) - coalesce(d.amount, 0)
  union all
  select 'balance_below_zero', a.id::text
  from app_public.credit_accounts a
  where a.balance < 0 and a.kind in ('available', 'held')
  union all
  select 'grants_differ_from_available', coalesce(a.id::text, g.owner::text)
  from (select * from app_public.credit_accounts where kind = 'available') a
  full join (
    select coalesce(owner_user_id, owner_brand_id) as owner, sum(remaining) as remaining
    from app_public.credit_grants group by 1
  ) g on g.owner = coalesce(a.owner_user_id, a.owner_brand_id)
  where coalesce(a.balance, 0) <> coalesce(g.remaining, 0)
  union all
  -- Every credit of a grant is left, ended, spent or held.
  select 'grant_does_not_add_up', g.id::text
  from app_public.credit_grants g
  left join (
    select l.grant_id, sum(l.amount) as amount
    from app_public.credit_hold_lines l join app_public.credit_holds h on h.id = l.hold_id
    where h.status in ('open', 'captured') group by 1
  ) l on l.grant_id = g.id
  where g.amount <> g.remaining + g.expired + coalesce(l.amount, 0)
  union all
  select 'open_holds_differ_from_held', coalesce(a.id::text, h.owner::text)
  from (select * from app_public.credit_accounts where kind = 'held') a
  full join (
    select coalesce(h.owner_user_id, h.owner_brand_id) as owner, sum(l.amount) as amount
    from app_public.credit_holds h join app_public.credit_hold_lines l on l.hold_id = h.id
    where h.status = 'open' group by 1
  ) h on h.owner = coalesce(a.owner_user_id, a.owner_brand_id)
  where coalesce(a.balance, 0) <> coalesce(h.amount, 0)
  union all
  select 'hold_differs_from_its_lines', h.id::text
  from app_public.credit_holds h
  left join (select hold_id, sum(amount) as amount from app_public.credit_hold_lines group by 1) l on l.hold_id = h.id
  where h.amount <> coalesce(l.amount, 0)
  union all
  -- A settled hold has moved exactly its amount, in the way its status says.
  select 'hold_settled_wrongly', h.id::text
  from app_public.credit_holds h
  left join (
    select hold_id,
      coalesce(sum(amount) filter (where kind = 'hold'), 0) as placed,
      coalesce(sum(amount) filter (where kind = 'capture'), 0) as captured,
      coalesce(sum(amount) filter (where kind in ('release', 'expire')), 0) as given_back
    from app_public.credit_transfers where hold_id is not null group by 1
  ) t on t.hold_id = h.id
  where (coalesce(t.placed, 0), coalesce(t.captured, 0), coalesce(t.given_back, 0)) is distinct from (
    h.amount,
    case when h.status = 'captured' then h.amount else 0 end,
    case when h.status in ('released', 'expired') then h.amount else 0 end
  )
  union all
  select 'finished_job_with_open_hold', j.id::text
  from app_public.credit_holds h join app_public.tryon_jobs j on j.id = h.tryon_job_id
  where h.status = 'open' and j.status in ('completed', 'failed', 'cancelled', 'expired')
  union all
  select 'job_and_hold_disagree', j.id::text
  from app_public.tryon_jobs j left join app_public.credit_holds h on h.tryon_job_id = j.id
  where j.payer <> 'pro' and (
    h.id is null
    or h.amount <> j.cost
    or (j.status = 'completed') <> (h.status = 'captured')
    or (j.status in ('queued', 'processing')) <> (h.status = 'open')
    or case j.payer when 'brand' then h.owner_brand_id is distinct from j.brand_id else h.owner_user_id is distinct from j.user_id end
  )
  union all
  select 'job_of_pro_with_hold', j.id::text
  from app_public.tryon_jobs j join app_public.credit_holds h on h.tryon_job_id = j.id
  where j.payer = 'pro'
$$;
revoke execute on function app_private.credit_reconcile() from public;
grant execute on function app_private.credit_reconcile() to :ROLE_WORKER;
comment on function app_private.credit_reconcile() is 'One row per thing in the credit books that does not add up; no row when all does. Reads everything: nightly, and after tests.';

drop function if exists app_public.reconcile_credits();
create function app_public.reconcile_credits() returns table (invariant text, detail text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_staff('{finance,admin}', 'You may not reconcile the credit books');
  return query select r.invariant, r.detail from app_private.credit_reconcile() r limit 1000;
end
$$;
revoke execute on function app_public.reconcile_credits() from public;
grant execute on function app_public.reconcile_credits() to :ROLE_STAFF_FINANCE, :ROLE_STAFF_ADMIN;
comment on function app_public.reconcile_credits() is $$
What in the credit books does not add up, up to 1,000 findings; empty when all does. For finance and administration.$$;
--! EndIncluded functions/credits/reconcile.sql
--! Included functions/credits/views.sql
-- A wallet at a glance, one row per owner. Everything is summed from the grants
-- and the two accounts; nothing is stored twice. security_invoker: the policies
-- of the tables below decide who sees which row.
drop view if exists app_public.user_credits;
create view app_public.user_credits with (security_invoker = true) as
  select a.owner_user_id as user_id,
    coalesce(g.granted, 0)::bigint as granted,
    (coalesce(g.granted, 0) - coalesce(g.remaining, 0) - coalesce(g.expired, 0) - coalesce(h.balance, 0))::bigint as used,
    coalesce(g.expired, 0)::bigint as expired,
    coalesce(h.balance, 0)::bigint as held,
    coalesce(g.spendable, 0)::bigint as remaining,
    a.next_grant_at as next_reset,
    (
      select max(upper(e.period)) from app_public.user_entitlements e
      where e.user_id = a.owner_user_id and e.kind = 'pro_unlimited' and e.period @> now()
    ) as pro_until
  from app_public.credit_accounts a
  left join app_public.credit_accounts h on h.owner_user_id = a.owner_user_id and h.owner_brand_id is null and h.kind = 'held'
  left join lateral (
    select sum(c.amount) as granted, sum(c.expired) as expired, sum(c.remaining) as remaining,
      sum(c.remaining) filter (where c.effective_at <= now() and (c.expires_at is null or c.expires_at > now())) as spendable
    from app_public.credit_grants c
    where c.owner_user_id = a.owner_user_id
  ) g on true
  where a.kind = 'available' and a.owner_user_id is not null;
revoke all on app_public.user_credits from public;
grant select on app_public.user_credits to :ROLE_USER, :ROLE_STAFF;
comment on view app_public.user_credits is $$
@primaryKey user_id
@foreignKey (user_id) references app_public.users (id)|@fieldName user|@foreignFieldName credits
@behavior -insert -update -delete
@admin.label Wallets of people
@admin.singular Wallet
@admin.group Credits
@admin.icon wallet
@admin.order 250
@admin.live credit_accounts
@admin.list user_id, remaining, held, used, next_reset, pro_until
The wallet of a person, in credits: granted = used + expired + held + remaining, but for grants that ended since the last sweep.$$;
-- Found by the owner, in an index; every other column is a sum over each wallet.
comment on column app_public.user_credits.user_id is '@isIndexed';
comment on column app_public.user_credits.remaining is 'What can be spent right now.';
comment on column app_public.user_credits.next_reset is 'When the next free credits come; what is left of the free ones ends then.';
comment on column app_public.user_credits.pro_until is 'Until when try-ons cost nothing; null without such an entitlement.';

drop view if exists app_public.brand_credits;
create view app_public.brand_credits with (security_invoker = true) as
  select a.owner_brand_id as brand_id,
    coalesce(g.granted, 0)::bigint as granted,
    (coalesce(g.granted, 0) - coalesce(g.remaining, 0) - coalesce(g.expired, 0) - coalesce(h.balance, 0))::bigint as used,
    coalesce(g.expired, 0)::bigint as expired,
    coalesce(h.balance, 0)::bigint as held,
    coalesce(g.spendable, 0)::bigint as remaining
  from app_public.credit_accounts a
  left join app_public.credit_accounts h on h.owner_brand_id = a.owner_brand_id and h.owner_user_id is null and h.kind = 'held'
  left join lateral (
    select sum(c.amount) as granted, sum(c.expired) as expired, sum(c.remaining) as remaining,
      sum(c.remaining) filter (where c.effective_at <= now() and (c.expires_at is null or c.expires_at > now())) as spendable
    from app_public.credit_grants c
    where c.owner_brand_id = a.owner_brand_id
  ) g on true
  where a.kind = 'available' and a.owner_brand_id is not null;
revoke all on app_public.brand_credits from public;
grant select on app_public.brand_credits to :ROLE_ANALYST, :ROLE_STAFF;
comment on view app_public.brand_credits is $$
@primaryKey brand_id
@foreignKey (brand_id) references app_public.brand_accounts (id)|@fieldName brand|@foreignFieldName credits
@behavior -insert -update -delete
@admin.label Wallets of brands
@admin.singular Wallet
@admin.group Credits
@admin.icon wallet
@admin.order 251
@admin.live credit_accounts
@admin.list brand_id, remaining, held, used, expired
The wallet of a brand, in credits: granted = used + expired + held + remaining, but for grants that ended since the last sweep.$$;
comment on column app_public.brand_credits.brand_id is '@isIndexed';
comment on column app_public.brand_credits.remaining is 'What can be spent right now.';

-- The smallest id of a moment, for callers who may not use app_private: rows are
-- found by time through their key.
drop function if exists app_hidden.id_at(timestamptz) cascade;
create function app_hidden.id_at(moment timestamptz) returns uuid
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$ select (lpad(to_hex((extract(epoch from moment) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid $$;
revoke execute on function app_hidden.id_at(timestamptz) from public;
grant execute on function app_hidden.id_at(timestamptz) to :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF, :ROLE_READER, :ROLE_WORKER;
comment on function app_hidden.id_at(timestamptz) is 'The smallest UUIDv7 of a moment: a bound on ids instead of on a time column.';

-- How fast a wallet empties: captures of the last 14 days. As the caller, so the
-- policies of the ledger decide.
drop function if exists app_public.wallet_forecast(uuid, uuid);
create function app_public.wallet_forecast(
  user_id uuid default null, brand_id uuid default null,
  out spent bigint, out days integer, out per_day numeric, out remaining bigint, out runs_out_at timestamptz
) returns record
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with spent as (
    select coalesce(sum(t.amount), 0)::bigint as amount
    from app_public.credit_transfers t
    where t.kind = 'capture' and t.id >= app_hidden.id_at(now() - interval '14 days')
      and (
        (wallet_forecast.user_id is not null and t.owner_user_id = wallet_forecast.user_id)
        or (wallet_forecast.brand_id is not null and t.owner_brand_id = wallet_forecast.brand_id)
      )
  ), left_over as (
    select coalesce(sum(g.remaining), 0)::bigint as amount
    from app_public.credit_grants g
    where g.remaining > 0 and g.effective_at <= now() and (g.expires_at is null or g.expires_at > now())
      and (
        (wallet_forecast.user_id is not null and g.owner_user_id = wallet_forecast.user_id)
        or (wallet_forecast.brand_id is not null and g.owner_brand_id = wallet_forecast.brand_id)
      )
  )
  select s.amount, 14, round(s.amount / 14.0, 2), l.amount,
    case when s.amount > 0 then now() + make_interval(secs => (l.amount * 14.0 * 86400 / s.amount)::double precision) end
  from spent s, left_over l
$$;
revoke execute on function app_public.wallet_forecast(uuid, uuid) from public;
grant execute on function app_public.wallet_forecast(uuid, uuid) to :ROLE_USER, :ROLE_ANALYST, :ROLE_STAFF;
comment on function app_public.wallet_forecast(uuid, uuid) is
  'Credits captured in the last 14 days, how many that is a day, what is left, and when it runs out at that pace (null when nothing was spent).';
--! EndIncluded functions/credits/views.sql
--! Included functions/tryon/transition.sql
-- The state machine, read from its table. A job begins queued, and what a status
-- means is stamped here, by the clock of the database: a worker's clock decides
-- nothing.
create or replace function app_private.tg_tryon_jobs__transition() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if TG_OP = 'INSERT' then
    if NEW.status <> 'queued' then
      raise exception 'A try-on job begins queued'
        using errcode = 'STATE', column = 'status', hint = 'Ask for a try-on; a worker takes it from there';
    end if;
    return NEW;
  end if;
  if NEW.status = OLD.status then
    return NEW;
  end if;
  if not exists (
    select 1 from app_private.tryon_transitions t where t.from_status = OLD.status and t.to_status = NEW.status
  ) then
    raise exception 'A job that is % cannot become %', OLD.status, NEW.status
      using errcode = 'STATE', column = 'status', hint = 'Reload: it may have moved on';
  end if;
  if NEW.status = 'processing' then
    NEW.attempt := OLD.attempt + 1;
    NEW.started_at := now();
    NEW.error_code := null;
    NEW.processing_ms := null;
  else
    NEW.locked_by := null;
    NEW.locked_until := null;
  end if;
  if NEW.status in ('completed', 'failed', 'cancelled', 'expired') then
    NEW.finished_at := greatest(now(), OLD.created_at);
  end if;
  if NEW.status = 'completed' then
    NEW.completed_at := NEW.finished_at;
  end if;
  return NEW;
end
$$;
revoke execute on function app_private.tg_tryon_jobs__transition() from public;
comment on function app_private.tg_tryon_jobs__transition() is 'Refuses a change of status that tryon_transitions does not list (STATE), and stamps the others.';

create or replace trigger _200_tryon_transition before insert or update of status on app_public.tryon_jobs
  for each row execute function app_private.tg_tryon_jobs__transition();

-- What a change of status sets off, once each: the attempt that ended is kept,
-- the hold is settled, the garments of a completed job have been worn once more.
create or replace function app_private.tg_tryon_jobs__settle() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if OLD.status = 'processing' then
    insert into app_public.tryon_job_attempts
      (job_id, attempt, user_id, brand_id, category_code, worker, outcome, error_code, processing_ms, started_at)
    values
      (NEW.id, OLD.attempt, NEW.user_id, NEW.brand_id, NEW.category_code, OLD.locked_by,
       case
         when NEW.status = 'completed' then 'completed'::app_public.tryon_outcome
         when NEW.error_code = 'LOST_WORKER' then 'lost'
         when NEW.status = 'queued' then 'retried'
         else 'failed'
       end,
       NEW.error_code, NEW.processing_ms, OLD.started_at);
  end if;
  if NEW.status = 'completed' and NEW.user_id is not null then
    -- In the order of ids, so that two jobs of one wardrobe do not wait for each
    -- other; and before the wallet, or all who settle would wait for a person who
    -- is editing a garment.
    perform 1 from app_public.wardrobe_items w
    where w.id in (select g.wardrobe_item_id from app_public.tryon_job_garments g where g.job_id = NEW.id)
    order by w.id
    for no key update;
    update app_public.wardrobe_items w set usage_count = w.usage_count + 1
    where w.id in (select g.wardrobe_item_id from app_public.tryon_job_garments g where g.job_id = NEW.id);
  end if;
  if NEW.status in ('completed', 'failed', 'cancelled', 'expired') and NEW.payer <> 'pro' then
    perform app_private.settle_hold(NEW.id, NEW.status = 'completed');
  end if;
  return null;
end
$$;
revoke execute on function app_private.tg_tryon_jobs__settle() from public;
comment on function app_private.tg_tryon_jobs__settle() is 'Keeps the attempt that ended, settles the hold and counts the use of garments.';

create or replace trigger _500_tryon_settle after update of status on app_public.tryon_jobs
  for each row when (OLD.status <> NEW.status) execute function app_private.tg_tryon_jobs__settle();

create or replace trigger _100_timestamps before insert or update on app_public.tryon_jobs
  for each row execute function app_private.tg__timestamps();

create or replace trigger _900_append_only before update or delete on app_public.tryon_job_attempts
  for each row execute function app_private.tg__append_only();
create or replace trigger _900_append_only_truncate before truncate on app_public.tryon_job_attempts
  for each statement execute function app_private.tg__append_only();

-- Feedback belongs to a completed job of the person who gives it; what it is
-- counted by comes from the job.
create or replace function app_private.tg_tryon_feedback__own_job() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job app_public.tryon_jobs;
begin
  select * into v_job from app_public.tryon_jobs j where j.id = NEW.job_id and j.user_id = NEW.user_id;
  if not found then
    raise exception 'There is no such try-on'
      using errcode = 'NTFND', column = 'job_id', hint = 'Rate one of your own try-ons';
  end if;
  if v_job.status <> 'completed' then
    raise exception 'This try-on has no result to rate'
      using errcode = 'STATE', column = 'job_id', hint = 'Wait until it is completed';
  end if;
  NEW.brand_id := v_job.brand_id;
  NEW.category_code := v_job.category_code;
  return NEW;
end
$$;
revoke execute on function app_private.tg_tryon_feedback__own_job() from public;
comment on function app_private.tg_tryon_feedback__own_job() is 'Refuses feedback on a job that is not the own and completed (NTFND, STATE); fills brand and category from the job.';
create or replace trigger _200_own_job before insert or update of job_id, user_id, brand_id, category_code on app_public.tryon_feedback
  for each row execute function app_private.tg_tryon_feedback__own_job();

do $do$
declare
  v_table text;
begin
  foreach v_table in array array[
    'tryon_feedback', 'worker_keys', 'credit_accounts', 'credit_grants', 'credit_holds', 'user_entitlements'
  ] loop
    execute format('drop trigger if exists _100_timestamps on app_public.%I', v_table);
    execute format(
      'create trigger _100_timestamps before insert or update on app_public.%I '
      'for each row execute function app_private.tg__timestamps()', v_table);
  end loop;
end
$do$;

-- The count of uses is the server's: it must not make the row a person is
-- editing look changed (STALE).
drop trigger if exists _100_timestamps on app_public.wardrobe_items;
create trigger _100_timestamps before insert or update of
  user_id, product_id, category_code, name, brand_label, color, ai_tags, color_tags, image_key, deleted_at, created_at, updated_at
  on app_public.wardrobe_items
  for each row execute function app_private.tg__timestamps();

call app_private.audit_table(
  'app_public.wardrobe_items', '{id}',
  '{product_id,category_code,name,brand_label,color,ai_tags,color_tags,image_key}', '', '{usage_count}'
);
call app_private.audit_table('app_public.tryon_feedback', '{job_id}', '{user_id}');
call app_private.audit_table('app_public.worker_keys', '{id}', ignored => '{last_used_at}');
--! EndIncluded functions/tryon/transition.sql
--! Included functions/tryon/request.sql
-- A try-on is asked for by a shopper, or by a manager of a brand for the brand.
-- Everything happens in one transaction: the idempotency key, the job, its
-- garments, the hold. What is refused leaves nothing.
drop function if exists app_private.create_tryon(uuid, uuid, text, text, uuid[], uuid[], text, text, uuid);
drop function if exists app_private.create_tryon(uuid, uuid, text, text, uuid[], uuid[], text, text, uuid, text);
create function app_private.create_tryon(
  for_user uuid, for_brand uuid, category text, selfie text, products uuid[], items uuid[],
  device text, version text, repeats uuid default null, gift_note text default null
) returns app_public.tryon_jobs
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job app_public.tryon_jobs;
  v_garments integer := coalesce(cardinality(create_tryon.products), 0) + coalesce(cardinality(create_tryon.items), 0);
  v_selfie app_public.storage_objects;
  v_brand record;
  v_found integer;
  v_fits boolean := false;
  v_item_fits boolean;
begin
  v_job.id := app_private.uuid_v7();
  v_job.user_id := create_tryon.for_user;
  v_job.brand_id := create_tryon.for_brand;

  if create_tryon.for_user is not null
    and not exists (select 1 from app_public.users u where u.id = create_tryon.for_user and u.status = 'active') then
    raise exception 'This account may not ask for a try-on'
      using errcode = 'DNIED', hint = 'Only an active account can';
  end if;

  select c.tryon_cost into v_job.cost from app_public.wardrobe_categories c
  where c.code = create_tryon.category and c.active;
  if not found then
    raise exception 'There is no such category'
      using errcode = 'NTFND', column = 'category_code', hint = 'Choose one of the garment categories';
  end if;

  if v_garments not between 1 and 8 then
    raise exception 'A try-on has 1 to 8 garments'
      using errcode = 'INVAL', column = 'product_ids', hint = 'Choose at least one product or item';
  end if;

  -- Whose selfie it is, whether its bytes are there, and whether it may still be
  -- kept. It is kept for 30 days after it was last used: moved once a day, before
  -- the shared lock, which many requests with one picture may hold at once and the
  -- clean-up of files waits for.
  update app_public.storage_objects o set retention_until = now() + interval '30 days'
  where o.key = create_tryon.selfie and o.kind = 'selfie' and o.status = 'available'
    and case when create_tryon.for_user is null then o.owner_brand_id = create_tryon.for_brand
      else o.owner_user_id = create_tryon.for_user end
    and (o.retention_until is null or (o.retention_until > now() and o.retention_until < now() + interval '29 days'));
  select * into v_selfie from app_public.storage_objects o
  where o.key = create_tryon.selfie and o.kind = 'selfie'
    and case when create_tryon.for_user is null then o.owner_brand_id = create_tryon.for_brand
      else o.owner_user_id = create_tryon.for_user end
  for share;
  if not found then
    raise exception 'There is no such picture among your files'
      using errcode = 'NTFND', column = 'selfie_key', hint = 'Upload the picture first';
  end if;
  if v_selfie.status <> 'available' or v_selfie.retention_until <= now() then
    raise exception 'This picture is not there'
      using errcode = 'STATE', column = 'selfie_key', hint = 'Upload it again';
  end if;

  -- Products: on offer, of one brand, and that brand at work.
  if cardinality(create_tryon.products) > 0 then
    select count(*), count(distinct p.brand_id) as brands, (array_agg(p.brand_id))[1] as id, (array_agg(b.status))[1] as status,
      bool_or(p.category_code = create_tryon.category) as fits
    into v_brand
    from (select distinct x from unnest(create_tryon.products) x) d
    join app_public.products p on p.id = d.x
    join app_public.brand_accounts b on b.id = p.brand_id
    where case when create_tryon.for_user is null then p.brand_id = create_tryon.for_brand else p.active end;
    if v_brand.count < cardinality(create_tryon.products) then
      raise exception 'There is no such product, or it is named twice'
        using errcode = 'NTFND', column = 'product_ids', hint = 'Choose products that are on offer';
    end if;
    if v_brand.brands > 1 then
      raise exception 'A try-on shows products of one brand'
        using errcode = 'INVAL', column = 'product_ids', hint = 'Ask for one try-on per brand';
    end if;
    if v_brand.status not in ('onboarding', 'active') then
      raise exception 'This brand offers no try-on at the moment'
        using errcode = 'STATE', column = 'product_ids', hint = 'Choose products of another brand';
    end if;
    v_job.brand_id := v_brand.id;
    v_fits := v_brand.fits;
  end if;
  if cardinality(create_tryon.items) > 0 then
    select count(*), bool_or(w.category_code = create_tryon.category) into v_found, v_item_fits
    from (
      select w.category_code from (select distinct x from unnest(create_tryon.items) x) d
      join app_public.wardrobe_items w on w.id = d.x
      where w.user_id = create_tryon.for_user and w.deleted_at is null
    ) w;
    if v_found < cardinality(create_tryon.items) then
      raise exception 'There is no such item in your wardrobe, or it is named twice'
        using errcode = 'NTFND', column = 'wardrobe_item_ids', hint = 'Choose items of your own wardrobe';
    end if;
    v_fits := v_fits or coalesce(v_item_fits, false);
  end if;
  if not v_fits then
    raise exception 'None of the garments is of this category'
      using errcode = 'INVAL', column = 'category_code', hint = 'Name the category of the garment in front';
  end if;

  -- Who pays, decided at this moment.
  if create_tryon.for_user is null then
    v_job.payer := 'brand';
  elsif exists (
    select 1 from app_public.user_entitlements e
    where e.user_id = create_tryon.for_user and e.kind = 'pro_unlimited' and e.period @> now()
  ) then
    v_job.payer := 'pro';
    v_job.cost := 0;
  else
    v_job.payer := 'user';
  end if;

  if v_job.user_id is not null and v_job.brand_id is not null then
    insert into app_private.shopper_handles as h (brand_id, user_id) values (v_job.brand_id, v_job.user_id)
    on conflict do nothing
    returning h.handle into v_job.shopper_handle;
    if v_job.shopper_handle is null then
      select h.handle into strict v_job.shopper_handle from app_private.shopper_handles h
      where h.brand_id = v_job.brand_id and h.user_id = v_job.user_id;
    end if;
  end if;

  -- Unlimited is not endless: credits bound everybody else's queue. The lock on the
  -- wallet makes requests of one person wait for each other: each counts the last.
  if v_job.payer = 'pro' then
    perform app_private.lock_wallet(create_tryon.for_user, null);
    if (
      select count(*) from app_public.tryon_jobs j
      where j.user_id = create_tryon.for_user and j.id >= app_private.uuid_v7_floor(now() - interval '2 hours')
        and j.status in ('queued', 'processing')
    ) >= 25 then
      raise exception 'You have 25 try-ons waiting'
        using errcode = 'LIMIT', column = 'payer', hint = 'Wait until some are done';
    end if;
  end if;

  insert into app_public.tryon_jobs
    (id, user_id, brand_id, shopper_handle, payer, category_code, selfie_key, cost, device_family, app_version, retry_of)
  values
    (v_job.id, v_job.user_id, v_job.brand_id, v_job.shopper_handle, v_job.payer, create_tryon.category, create_tryon.selfie,
     v_job.cost, create_tryon.device, create_tryon.version, create_tryon.repeats)
  returning * into v_job;

  insert into app_public.tryon_job_garments (job_id, position, user_id, brand_id, product_id)
  select v_job.id, p.ord, v_job.user_id, v_job.brand_id, p.id
  from unnest(create_tryon.products) with ordinality p (id, ord);
  insert into app_public.tryon_job_garments (job_id, position, user_id, wardrobe_item_id)
  select v_job.id, coalesce(cardinality(create_tryon.products), 0) + w.ord, v_job.user_id, w.id
  from unnest(create_tryon.items) with ordinality w (id, ord);

  -- The wallet is locked last, and so for the shortest time.
  if v_job.cost > 0 then
    if create_tryon.gift_note is not null then
      perform app_private.add_grant(
        case when v_job.payer = 'user' then v_job.user_id end, case when v_job.payer = 'brand' then v_job.brand_id end,
        'refund', v_job.cost, now(), null, null, create_tryon.gift_note,
        -- Spent before all others, by the hold below: what is given for this job
        -- pays for this job, and is found again when the job comes to nothing.
        'gift:' || v_job.id, 0::smallint);
    end if;
    perform app_private.place_hold(
      v_job.id, case when v_job.payer = 'user' then v_job.user_id end,
      case when v_job.payer = 'brand' then v_job.brand_id end, v_job.cost);
  end if;
  return v_job;
end
$$;
revoke execute on function app_private.create_tryon(uuid, uuid, text, text, uuid[], uuid[], text, text, uuid, text) from public;
comment on function app_private.create_tryon(uuid, uuid, text, text, uuid[], uuid[], text, text, uuid, text) is
  'Makes a job with its garments and its hold, for a person or for a brand; with a gift note, its credits are given first. DNIED, NTFND, INVAL, STATE, NOCRD, LIMIT; then nothing is written.';

-- One plan for every call: the foreign keys that point at the partitioned jobs
-- would be planned anew each time, which was a quarter of what a request costs.
drop function if exists app_public.request_tryon(text, text, text, uuid[], uuid[], text, text);
create function app_public.request_tryon(
  idempotency_key text, category_code text, selfie_key text,
  product_ids uuid[] default '{}', wardrobe_item_ids uuid[] default '{}',
  device_family text default null, app_version text default null
) returns app_public.tryon_jobs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
declare
  v_user_id uuid := app_hidden.current_user_id();
  v_replay jsonb;
  v_job app_public.tryon_jobs;
begin
  if app_hidden.current_request_role() is distinct from ':ROLE_USER'
    or not exists (select 1 from app_public.users u where u.id = v_user_id and u.status = 'active') then
    raise exception 'You may not ask for a try-on'
      using errcode = 'DNIED', hint = 'Sign in as a shopper';
  end if;
  v_replay := app_private.claim_idempotency_key('user', v_user_id, request_tryon.idempotency_key, jsonb_build_object(
    'call', 'request_tryon', 'category_code', request_tryon.category_code, 'selfie_key', request_tryon.selfie_key,
    'product_ids', to_jsonb(request_tryon.product_ids), 'wardrobe_item_ids', to_jsonb(request_tryon.wardrobe_item_ids),
    'device_family', request_tryon.device_family, 'app_version', request_tryon.app_version));
  if v_replay is not null then
    select * into v_job from app_public.tryon_jobs j where j.id = (v_replay ->> 'job_id')::uuid;
    return v_job;
  end if;
  v_job := app_private.create_tryon(
    v_user_id, null, request_tryon.category_code, request_tryon.selfie_key,
    request_tryon.product_ids, request_tryon.wardrobe_item_ids, request_tryon.device_family, request_tryon.app_version);
  perform app_private.store_idempotent_result(
    'user', v_user_id, request_tryon.idempotency_key, jsonb_build_object('job_id', v_job.id));
  return v_job;
end
$$;
revoke execute on function app_public.request_tryon(text, text, text, uuid[], uuid[], text, text) from public;
grant execute on function app_public.request_tryon(text, text, text, uuid[], uuid[], text, text) to :ROLE_USER;
comment on function app_public.request_tryon(text, text, text, uuid[], uuid[], text, text) is
  'Asks for a try-on of 1 to 8 garments on a selfie, and holds its credits. The same key and request gives the same job. NTFND, INVAL, STATE, NOCRD, IDEMP, LIMIT.';

drop function if exists app_public.request_brand_tryon(text, text, text, uuid[]);
create function app_public.request_brand_tryon(
  idempotency_key text, category_code text, selfie_key text, product_ids uuid[]
) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
declare
  v_brand_id uuid := app_hidden.current_brand_id();
  v_replay jsonb;
  v_job app_public.tryon_jobs;
begin
  if v_brand_id is null then
    raise exception 'You may not ask for a try-on of this brand'
      using errcode = 'DNIED', hint = 'Ask a manager of the brand';
  end if;
  v_replay := app_private.claim_idempotency_key('brand', v_brand_id, request_brand_tryon.idempotency_key, jsonb_build_object(
    'call', 'request_brand_tryon', 'category_code', request_brand_tryon.category_code,
    'selfie_key', request_brand_tryon.selfie_key, 'product_ids', to_jsonb(request_brand_tryon.product_ids)));
  if v_replay is not null then
    return (v_replay ->> 'job_id')::uuid;
  end if;
  v_job := app_private.create_tryon(
    null, v_brand_id, request_brand_tryon.category_code, request_brand_tryon.selfie_key,
    request_brand_tryon.product_ids, '{}', null, null);
  perform app_private.store_idempotent_result(
    'brand', v_brand_id, request_brand_tryon.idempotency_key, jsonb_build_object('job_id', v_job.id));
  return v_job.id;
end
$$;
revoke execute on function app_public.request_brand_tryon(text, text, text, uuid[]) from public;
grant execute on function app_public.request_brand_tryon(text, text, text, uuid[]) to :ROLE_MANAGER;
comment on function app_public.request_brand_tryon(text, text, text, uuid[]) is
  'Asks for a try-on of own products on a picture of the brand, paid by the wallet of the brand; returns the job. The same key and request gives the same job. NTFND, INVAL, STATE, NOCRD, IDEMP.';
--! EndIncluded functions/tryon/request.sql
--! Included functions/tryon/settle.sql
-- What a person does to a job that exists: cancel, try again, give the credits
-- back. Definer functions that check their caller.
drop function if exists app_private.reachable_job(uuid);
create function app_private.reachable_job(job_id uuid) returns app_public.tryon_jobs
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_role text := app_hidden.current_request_role();
  v_job app_public.tryon_jobs;
begin
  select * into v_job from app_public.tryon_jobs j
  where j.id = reachable_job.job_id
    and case
      when v_role = ':ROLE_USER' then j.user_id = app_hidden.current_user_id()
      when v_role in (':ROLE_MANAGER', ':ROLE_BRAND_OWNER') then j.brand_id = app_hidden.current_brand_id()
      when app_hidden.current_actor_kind() = 'staff' then exists (
        select 1 from app_public.staff_members s join app_public.users u on u.id = s.user_id and u.status = 'active'
        where s.user_id = app_hidden.current_user_id() and s.role in ('support', 'finance', 'admin')
      )
      else false
    end
  for update;
  if not found then
    raise exception 'There is no such try-on'
      using errcode = 'NTFND', column = 'job_id', hint = 'Go back to the list';
  end if;
  return v_job;
end
$$;
revoke execute on function app_private.reachable_job(uuid) from public;
comment on function app_private.reachable_job(uuid) is 'Locks a job of the caller: own, of the active brand, or any for staff; else NTFND.';

-- What staff do to a job of somebody else stands in the trail, with their name;
-- the ledger, which the owner reads, names nobody.
create or replace function app_private.note_staff_act(action text, job app_public.tryon_jobs, diff jsonb) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into app_public.audit_log
    (actor_kind, actor_id, impersonator_id, action, table_name, row_pk, diff, request_id)
  select 'staff', app_hidden.current_user_id(), app_hidden.current_impersonator_id(),
    note_staff_act.action, 'tryon_jobs', (note_staff_act.job).id::text, note_staff_act.diff, app_hidden.current_request_id()
  where app_hidden.current_actor_kind() = 'staff'
$$;
revoke execute on function app_private.note_staff_act(text, app_public.tryon_jobs, jsonb) from public;
comment on function app_private.note_staff_act(text, app_public.tryon_jobs, jsonb) is 'Leaves an audit row when the caller is staff, else nothing.';

drop function if exists app_public.cancel_tryon(uuid);
create function app_public.cancel_tryon(job_id uuid) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job app_public.tryon_jobs := app_private.reachable_job(cancel_tryon.job_id);
begin
  -- A brand stops what it pays for; what a shopper pays for is the shopper's.
  if app_hidden.current_request_role() in (':ROLE_MANAGER', ':ROLE_BRAND_OWNER') and v_job.payer <> 'brand' then
    raise exception 'This try-on is paid by the shopper'
      using errcode = 'DNIED', column = 'job_id', hint = 'Only the shopper or support can cancel it';
  end if;
  if v_job.status = 'cancelled' then
    return v_job.id;
  end if;
  if v_job.status <> 'queued' then
    raise exception 'A try-on that is % cannot be cancelled', v_job.status
      using errcode = 'STATE', column = 'job_id', hint = 'Reload: only a waiting one can';
  end if;
  update app_public.tryon_jobs set status = 'cancelled' where id = v_job.id;
  perform app_private.note_staff_act('cancel_tryon', v_job, jsonb_build_object('status', jsonb_build_array(v_job.status, 'cancelled')));
  return v_job.id;
end
$$;
revoke execute on function app_public.cancel_tryon(uuid) from public;
grant execute on function app_public.cancel_tryon(uuid) to :ROLE_USER, :ROLE_MANAGER, :ROLE_STAFF_SUPPORT;
comment on function app_public.cancel_tryon(uuid) is $$
@admin.label Cancel
@admin.icon cancel
@admin.action row of tryon_jobs
@admin.confirm Cancel this try-on? Its credits are given back.
Cancels a try-on that still waits and gives its credits back; again changes nothing. A shopper the own, a manager what the brand pays for, support any. NTFND, DNIED, STATE.$$;

drop function if exists app_public.retry_tryon(uuid);
create function app_public.retry_tryon(job_id uuid) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job app_public.tryon_jobs := app_private.reachable_job(retry_tryon.job_id);
  v_again uuid;
begin
  if app_hidden.current_request_role() in (':ROLE_MANAGER', ':ROLE_BRAND_OWNER') and v_job.payer <> 'brand' then
    raise exception 'This try-on is paid by the shopper'
      using errcode = 'DNIED', column = 'job_id', hint = 'Only the shopper or support can try again';
  end if;
  if v_job.status not in ('failed', 'expired') then
    raise exception 'A try-on that is % cannot be tried again', v_job.status
      using errcode = 'STATE', column = 'job_id', hint = 'Only one that failed or expired can';
  end if;
  -- The lock on the first job makes a second click find this one.
  select j.id into v_again from app_public.tryon_jobs j where j.retry_of = v_job.id order by j.id limit 1;
  if found then
    return v_again;
  end if;
  v_again := (app_private.create_tryon(
    v_job.user_id, case when v_job.user_id is null then v_job.brand_id end, v_job.category_code, v_job.selfie_key,
    array(select g.product_id from app_public.tryon_job_garments g
      where g.job_id = v_job.id and g.product_id is not null order by g.position),
    array(select g.wardrobe_item_id from app_public.tryon_job_garments g
      where g.job_id = v_job.id and g.wardrobe_item_id is not null order by g.position),
    v_job.device_family, v_job.app_version, v_job.id,
    -- Nobody's credits are spent by a decision of ours.
    case when app_hidden.current_actor_kind() = 'staff' then 'A try-on repeated by ClosetAI' end)).id;
  perform app_private.note_staff_act('retry_tryon', v_job, jsonb_build_object('retried_as', jsonb_build_array(null, v_again)));
  return v_again;
end
$$;
revoke execute on function app_public.retry_tryon(uuid) from public;
grant execute on function app_public.retry_tryon(uuid) to :ROLE_USER, :ROLE_MANAGER, :ROLE_STAFF_SUPPORT;
comment on function app_public.retry_tryon(uuid) is $$
@admin.label Try again
@admin.icon replay
@admin.action row of tryon_jobs
@admin.confirm Ask for this try-on once more? A new job holds its credits.
Repeats a failed or expired try-on as a new job with a new hold and returns it; again gives the same job. Support gives the credits for it, which are taken back when it comes to nothing. NTFND, DNIED, STATE, NOCRD.$$;

drop function if exists app_public.refund_tryon(uuid, text);
create function app_public.refund_tryon(job_id uuid, reason text) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_staff_id uuid := app_private.assert_staff('{support,finance}', 'You may not give credits back');
  v_reason text := app_private.assert_reason(refund_tryon.reason);
  v_job app_public.tryon_jobs := app_private.reachable_job(refund_tryon.job_id);
  v_hold app_public.credit_holds;
  v_wallet app_private.wallet;
  v_grant_id uuid;
begin
  select * into v_hold from app_public.credit_holds h where h.tryon_job_id = v_job.id;
  if not found or v_hold.status <> 'captured' then
    raise exception 'Nothing was charged for this try-on'
      using errcode = 'STATE', column = 'job_id', hint = 'Only a completed try-on that was paid can be refunded';
  end if;
  -- The key makes it once per job; the lock on the job makes a second call wait for it.
  select t.grant_id into v_grant_id from app_public.credit_transfers t where t.idempotency_key = 'refund:' || v_job.id;
  if found then
    return v_grant_id;
  end if;
  v_wallet := app_private.lock_wallet(v_hold.owner_user_id, v_hold.owner_brand_id);
  -- The owner reads grants and ledger: what staff wrote is for the trail only.
  insert into app_public.credit_grants
    (owner_user_id, owner_brand_id, source, amount, remaining, priority, note)
  values
    (v_hold.owner_user_id, v_hold.owner_brand_id, 'refund', v_hold.amount, v_hold.amount, 20, 'Refund of a try-on')
  returning id into v_grant_id;
  insert into app_public.credit_transfers
    (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, grant_id, hold_id, idempotency_key, reason)
  values
    (v_hold.owner_user_id, v_hold.owner_brand_id, 'grant', app_private.system_account('system_grants'),
     v_wallet.available_id, v_hold.amount, v_grant_id, v_hold.id, 'refund:' || v_job.id, 'Refund of a try-on');
  -- Of no brand: a brand's owner reads the rows of the brand.
  insert into app_public.audit_log
    (actor_kind, actor_id, impersonator_id, action, table_name, row_pk, diff, reason, request_id)
  values
    ('staff', v_staff_id, app_hidden.current_impersonator_id(), 'refund_tryon', 'tryon_jobs', v_job.id::text,
     jsonb_build_object('refunded', jsonb_build_array(null, v_hold.amount)), v_reason, app_hidden.current_request_id());
  return v_grant_id;
end
$$;
revoke execute on function app_public.refund_tryon(uuid, text) from public;
grant execute on function app_public.refund_tryon(uuid, text) to :ROLE_STAFF_SUPPORT, :ROLE_STAFF_FINANCE;
comment on function app_public.refund_tryon(uuid, text) is $$
@admin.label Refund
@admin.icon undo
@admin.action row of tryon_jobs
@admin.confirm Give the credits of this try-on back?
Gives what a completed try-on cost back as a new grant, with a reason (10 to 500 characters); once per job. Support and finance; leaves an audit row. DNIED, INVAL, NTFND, STATE.$$;
--! EndIncluded functions/tryon/settle.sql
--! Included functions/tryon/worker.sql
-- The worker side. A worker takes jobs for a lease and must give signs of life;
-- one that lost its lease is refused, whatever it brings. Leases are counted by
-- the clock of the database: a worker sends lengths of time, never a time.
drop function if exists app_private.claim_tryon_jobs(text, integer, integer);
create function app_private.claim_tryon_jobs(worker text, n integer default 1, lease_seconds integer default 60)
returns setof app_public.tryon_jobs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if claim_tryon_jobs.worker is null or claim_tryon_jobs.worker !~ '^[A-Za-z0-9][A-Za-z0-9._:/-]{0,79}$' then
    raise exception 'A worker has a name of letters, digits and . _ : / -, 80 at most'
      using errcode = 'INVAL', column = 'worker', hint = 'Use the name of the machine and a number';
  end if;
  if claim_tryon_jobs.n is null or claim_tryon_jobs.n not between 1 and 100 then
    raise exception 'A worker takes 1 to 100 jobs at once'
      using errcode = 'INVAL', column = 'n', hint = 'Take as many as it can work on within one lease';
  end if;
  if claim_tryon_jobs.lease_seconds is null or claim_tryon_jobs.lease_seconds not between 5 and 3600 then
    raise exception 'A lease lasts 5 to 3,600 seconds'
      using errcode = 'INVAL', column = 'lease_seconds', hint = 'Use 60, and send a heartbeat every 20 seconds';
  end if;
  return query
    with picked as materialized (
      select j.id from app_public.tryon_jobs j
      where j.status = 'queued' and j.run_after <= now() and j.deadline_at > now()
      order by j.priority desc, j.id
      limit claim_tryon_jobs.n
      for update skip locked
    )
    update app_public.tryon_jobs j
    set status = 'processing', locked_by = claim_tryon_jobs.worker,
      locked_until = now() + make_interval(secs => claim_tryon_jobs.lease_seconds)
    from picked p
    where j.id = p.id
    returning j.*;
end
$$;
revoke execute on function app_private.claim_tryon_jobs(text, integer, integer) from public;
grant execute on function app_private.claim_tryon_jobs(text, integer, integer) to :ROLE_WORKER;
comment on function app_private.claim_tryon_jobs(text, integer, integer) is
  'Gives a worker up to n waiting jobs, the most urgent and oldest first, for a lease in seconds. Never the same job to two. INVAL.';

-- However alive a worker seems: one that hangs and still sends heartbeats would
-- keep a job, and the credits held for it, for ever.
create or replace function app_private.longest_attempt() returns interval
language sql immutable
set search_path = pg_catalog, pg_temp
as $$ select interval '2 hours' $$;
revoke execute on function app_private.longest_attempt() from public;
comment on function app_private.longest_attempt() is 'How long one attempt may last, heartbeats or not.';

-- The job of a worker that still has it, locked; everything else is refused.
drop function if exists app_private.job_of_worker(text, uuid, integer);
create function app_private.job_of_worker(worker text, job_id uuid, attempt integer) returns app_public.tryon_jobs
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job app_public.tryon_jobs;
begin
  select * into v_job from app_public.tryon_jobs j where j.id = job_of_worker.job_id for update;
  if not found then
    raise exception 'There is no such job'
      using errcode = 'NTFND', column = 'job_id', hint = 'Claim another';
  end if;
  if v_job.status = 'processing' and v_job.locked_by = job_of_worker.worker and v_job.attempt = job_of_worker.attempt
    and v_job.started_at <= clock_timestamp() - app_private.longest_attempt() then
    raise exception 'This attempt has run for 2 hours, the longest one may'
      using errcode = 'LLOCK', column = 'job_id', hint = 'Drop the work, however far it is, and claim another; look for what keeps the worker busy';
  end if;
  if v_job.status <> 'processing' or v_job.locked_by is distinct from job_of_worker.worker
    or v_job.attempt is distinct from job_of_worker.attempt or v_job.locked_until <= clock_timestamp() then
    raise exception 'This worker no longer has the job'
      using errcode = 'LLOCK', column = 'job_id', hint = 'Drop the work and claim another; send heartbeats before the lease ends';
  end if;
  return v_job;
end
$$;
revoke execute on function app_private.job_of_worker(text, uuid, integer) from public;
comment on function app_private.job_of_worker(text, uuid, integer) is 'The job, locked, when this worker has it in this attempt, its lease lasts and it took no 2 hours; else LLOCK, or NTFND.';

drop function if exists app_private.heartbeat(text, uuid, integer, integer);
create function app_private.heartbeat(worker text, job_id uuid, attempt integer, lease_seconds integer default 60) returns timestamptz
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_until timestamptz;
begin
  if heartbeat.lease_seconds is null or heartbeat.lease_seconds not between 5 and 3600 then
    raise exception 'A lease lasts 5 to 3,600 seconds'
      using errcode = 'INVAL', column = 'lease_seconds', hint = 'Use 60, and send a heartbeat every 20 seconds';
  end if;
  perform app_private.job_of_worker(heartbeat.worker, heartbeat.job_id, heartbeat.attempt);
  update app_public.tryon_jobs j
  set locked_until = least(
    j.started_at + app_private.longest_attempt(),
    greatest(j.locked_until, now() + make_interval(secs => heartbeat.lease_seconds)))
  where j.id = heartbeat.job_id
  returning j.locked_until into v_until;
  return v_until;
end
$$;
revoke execute on function app_private.heartbeat(text, uuid, integer, integer) from public;
grant execute on function app_private.heartbeat(text, uuid, integer, integer) to :ROLE_WORKER;
comment on function app_private.heartbeat(text, uuid, integer, integer) is 'Prolongs the lease of a job, never beyond 2 hours of one attempt, and returns until when. LLOCK when the worker lost it, NTFND, INVAL.';

-- The key of a result says whose it is, so that no other job can bring it: not one
-- of the same person, nor a later attempt of the same job.
create or replace function app_private.result_prefix(job_id uuid, attempt integer) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$ select 'result/' || result_prefix.job_id || '/' || result_prefix.attempt || '/' $$;
revoke execute on function app_private.result_prefix(uuid, integer) from public;
comment on function app_private.result_prefix(uuid, integer) is 'What the keys of the results of one attempt begin with.';

drop function if exists app_private.begin_tryon_result(text, uuid, integer, text, bigint);
create function app_private.begin_tryon_result(worker text, job_id uuid, attempt integer, content_type text, bytes bigint) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job app_public.tryon_jobs;
  v_extension text := case begin_tryon_result.content_type
    when 'image/png' then 'png' when 'image/jpeg' then 'jpg' when 'image/webp' then 'webp' end;
  v_key text;
begin
  if v_extension is null then
    raise exception 'A result is a picture'
      using errcode = 'INVAL', column = 'content_type', hint = 'Use image/png, image/jpeg or image/webp';
  end if;
  if begin_tryon_result.bytes is null or begin_tryon_result.bytes < 1 then
    raise exception 'The result is empty'
      using errcode = 'INVAL', column = 'bytes', hint = 'Send the size of the picture in bytes';
  end if;
  v_job := app_private.job_of_worker(begin_tryon_result.worker, begin_tryon_result.job_id, begin_tryon_result.attempt);
  v_key := app_private.result_prefix(v_job.id, v_job.attempt) || gen_random_uuid()::text || '.' || v_extension;
  -- For a day: what its attempt never brings is nobody's picture.
  insert into app_public.storage_objects
    (key, owner_user_id, owner_brand_id, kind, content_type, bytes, retention_until)
  values
    (v_key, v_job.user_id, case when v_job.user_id is null then v_job.brand_id end, 'result',
     begin_tryon_result.content_type, begin_tryon_result.bytes, now() + interval '1 day');
  return v_key;
end
$$;
revoke execute on function app_private.begin_tryon_result(text, uuid, integer, text, bigint) from public;
grant execute on function app_private.begin_tryon_result(text, uuid, integer, text, bigint) to :ROLE_WORKER;
comment on function app_private.begin_tryon_result(text, uuid, integer, text, bigint) is
  'Registers the picture a worker is about to upload for its job and returns its key, good for this attempt only. LLOCK, NTFND, INVAL.';

drop function if exists app_private.complete_tryon(text, uuid, integer, text, numeric, integer);
create function app_private.complete_tryon(
  worker text, job_id uuid, attempt integer, result_key text, confidence numeric, processing_ms integer
) returns app_public.tryon_jobs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job app_public.tryon_jobs;
  v_longest bigint;
begin
  -- The answer to the first call may have been lost on the way: the same worker
  -- bringing the same result hears the same again.
  select j.* into v_job from app_public.tryon_jobs j
  join app_public.tryon_job_attempts a on a.job_id = j.id and a.attempt = j.attempt
  where j.id = complete_tryon.job_id and j.status = 'completed' and j.attempt = complete_tryon.attempt
    and a.worker = complete_tryon.worker and j.result_key = complete_tryon.result_key;
  if found then
    return v_job;
  end if;
  v_job := app_private.job_of_worker(complete_tryon.worker, complete_tryon.job_id, complete_tryon.attempt);
  if complete_tryon.confidence is null or not complete_tryon.confidence between 0 and 1 then
    raise exception 'A confidence lies between 0 and 1'
      using errcode = 'INVAL', column = 'confidence', hint = 'Send a fraction, not a percentage';
  end if;
  v_longest := ceil(extract(epoch from clock_timestamp() - v_job.started_at) * 1000)::bigint + 5000;
  if complete_tryon.processing_ms is null or complete_tryon.processing_ms not between 0 and v_longest then
    raise exception 'This processing time is not possible: the job was taken % ms ago', v_longest - 5000
      using errcode = 'INVAL', column = 'processing_ms', hint = 'Measure with a monotonic clock, in milliseconds; check the clock of the worker';
  end if;
  -- Kept for 180 days from here, for whoever it shows or who asked for it.
  update app_public.storage_objects o set retention_until = now() + interval '180 days'
  where o.key = complete_tryon.result_key and o.kind = 'result' and o.status = 'available'
    and starts_with(o.key, app_private.result_prefix(v_job.id, v_job.attempt));
  if not found then
    raise exception 'There is no such result of this attempt'
      using errcode = 'NTFND', column = 'result_key', hint = 'Ask for an upload for this job and send the picture first';
  end if;
  update app_public.tryon_jobs j
  set status = 'completed', result_key = complete_tryon.result_key,
    confidence = round(complete_tryon.confidence, 4), processing_ms = complete_tryon.processing_ms
  where j.id = v_job.id
  returning * into v_job;
  return v_job;
end
$$;
revoke execute on function app_private.complete_tryon(text, uuid, integer, text, numeric, integer) from public;
grant execute on function app_private.complete_tryon(text, uuid, integer, text, numeric, integer) to :ROLE_WORKER;
comment on function app_private.complete_tryon(text, uuid, integer, text, numeric, integer) is
  'Delivers the result of a job and captures its hold, once; the same call again gives the same job. LLOCK when the worker lost it, NTFND, INVAL; then nothing is written.';

-- 10 s, 20 s, 40 s … up to 10 minutes, and up to a fifth more, so that jobs that
-- failed together do not come back together.
drop function if exists app_private.tryon_backoff(integer);
create function app_private.tryon_backoff(attempt integer) returns interval
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select make_interval(secs => least(600, 10 * power(2, greatest(tryon_backoff.attempt, 1) - 1)) * (1 + random() / 5))
$$;
revoke execute on function app_private.tryon_backoff(integer) from public;
comment on function app_private.tryon_backoff(integer) is 'How long a job waits after its nth attempt failed.';

drop function if exists app_private.fail_tryon(text, uuid, integer, text, boolean, integer);
create function app_private.fail_tryon(
  worker text, job_id uuid, attempt integer, error_code text, retryable boolean default true, processing_ms integer default null
) returns app_public.tryon_jobs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job app_public.tryon_jobs;
begin
  select j.* into v_job from app_public.tryon_jobs j
  join app_public.tryon_job_attempts a on a.job_id = j.id and a.attempt = fail_tryon.attempt
  where j.id = fail_tryon.job_id and a.worker = fail_tryon.worker and a.outcome in ('failed', 'retried')
    and a.error_code = fail_tryon.error_code;
  if found then
    return v_job;
  end if;
  v_job := app_private.job_of_worker(fail_tryon.worker, fail_tryon.job_id, fail_tryon.attempt);
  if fail_tryon.error_code in ('LOST_WORKER', 'DEADLINE') then
    raise exception '% is what the server says when no worker did', fail_tryon.error_code
      using errcode = 'INVAL', column = 'error_code', hint = 'Name what went wrong, for example NO_BODY_FOUND';
  end if;
  if fail_tryon.error_code is null or fail_tryon.error_code !~ '^[A-Z][A-Z0-9_]{1,39}$' then
    raise exception 'A failure has a code of capital letters, digits and underscores, 40 at most'
      using errcode = 'INVAL', column = 'error_code', hint = 'For example NO_BODY_FOUND or GPU_OUT_OF_MEMORY';
  end if;
  if fail_tryon.processing_ms < 0 or fail_tryon.processing_ms > extract(epoch from clock_timestamp() - v_job.started_at) * 1000 + 5000 then
    raise exception 'This processing time is not possible'
      using errcode = 'INVAL', column = 'processing_ms', hint = 'Measure with a monotonic clock, in milliseconds; check the clock of the worker';
  end if;
  update app_public.tryon_jobs j
  set status = case when fail_tryon.retryable and j.attempt < j.max_attempts then 'queued'::app_public.tryon_status else 'failed' end,
    error_code = fail_tryon.error_code, processing_ms = fail_tryon.processing_ms,
    run_after = case when fail_tryon.retryable and j.attempt < j.max_attempts
      then now() + app_private.tryon_backoff(j.attempt) else j.run_after end
  where j.id = v_job.id
  returning * into v_job;
  return v_job;
end
$$;
revoke execute on function app_private.fail_tryon(text, uuid, integer, text, boolean, integer) from public;
grant execute on function app_private.fail_tryon(text, uuid, integer, text, boolean, integer) to :ROLE_WORKER;
comment on function app_private.fail_tryon(text, uuid, integer, text, boolean, integer) is
  'Ends an attempt without a result: back to the queue while it may be retried (the hold stays), else failed (the hold is released). LLOCK, NTFND, INVAL.';

drop function if exists app_private.expire_stale(integer);
create function app_private.expire_stale(batch integer default 200) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_late uuid[];
  v_silent uuid[];
begin
  select coalesce(array_agg(s.id), '{}') into v_late from (
    select j.id from app_public.tryon_jobs j
    where j.status = 'queued' and j.deadline_at <= now()
    order by j.deadline_at limit expire_stale.batch
    for update skip locked
  ) s;
  select coalesce(array_agg(s.id), '{}') into v_silent from (
    select j.id from app_public.tryon_jobs j
    where j.status = 'processing' and j.locked_until <= now()
    order by j.locked_until limit expire_stale.batch
    for update skip locked
  ) s;
  -- All wallets of the batch first, in the order of their ids: one settlement
  -- after another would take them in the order of jobs, and could wait in a circle.
  perform 1 from app_public.credit_accounts a
  where a.kind in ('available', 'held') and (
    a.owner_user_id in (select h.owner_user_id from app_public.credit_holds h where h.tryon_job_id = any (v_late || v_silent))
    or a.owner_brand_id in (select h.owner_brand_id from app_public.credit_holds h where h.tryon_job_id = any (v_late || v_silent))
  )
  order by a.id
  for no key update;
  update app_public.tryon_jobs j set status = 'expired', error_code = 'DEADLINE' where j.id = any (v_late);
  update app_public.tryon_jobs j
  set status = case when j.attempt < j.max_attempts then 'queued'::app_public.tryon_status else 'expired' end,
    error_code = 'LOST_WORKER',
    run_after = case when j.attempt < j.max_attempts then now() + app_private.tryon_backoff(j.attempt) else j.run_after end
  where j.id = any (v_silent);
  return cardinality(v_late) + cardinality(v_silent);
end
$$;
revoke execute on function app_private.expire_stale(integer) from public;
grant execute on function app_private.expire_stale(integer) to :ROLE_WORKER;
comment on function app_private.expire_stale(integer) is
  'Expires jobs past their deadline, and takes jobs from workers that fell silent: back to the queue, or expired when all attempts are used. Returns how many; call again until 0.';
--! EndIncluded functions/tryon/worker.sql
--! Included functions/tryon/worker_keys.sql
-- Keys of GPU services. The key is shown once; what is stored is its hash.
drop function if exists app_public.create_worker_key(text);
create function app_public.create_worker_key(name text) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_staff_id uuid := app_private.assert_staff('{admin}', 'You may not make worker keys');
  v_token text := 'wk_' || app_private.random_token();
  v_key_id uuid;
begin
  insert into app_public.worker_keys (name, prefix, created_by)
  values (lower(btrim(create_worker_key.name)), left(v_token, 11), v_staff_id)
  returning id into v_key_id;
  insert into app_private.worker_key_secrets (key_id, key_hash) values (v_key_id, app_private.token_hash(v_token));
  return v_token;
end
$$;
revoke execute on function app_public.create_worker_key(text) from public;
grant execute on function app_public.create_worker_key(text) to :ROLE_STAFF_ADMIN;
comment on function app_public.create_worker_key(text) is
  'Makes a key for a GPU service and returns it, this once. Staff administration only. DNIED, INVAL, TAKEN.';

drop function if exists app_public.revoke_worker_key(uuid);
create function app_public.revoke_worker_key(key_id uuid) returns app_public.worker_keys
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_key app_public.worker_keys;
begin
  perform app_private.assert_staff('{admin}', 'You may not revoke worker keys');
  -- The lock waits for the calls this key has begun: what they claim is seen below.
  select * into v_key from app_public.worker_keys k where k.id = revoke_worker_key.key_id for no key update;
  if not found then
    raise exception 'There is no such key' using errcode = 'NTFND', column = 'key_id', hint = 'Go back to the list';
  end if;
  if v_key.revoked_at is not null then
    -- Another key may have the name by now, and its workers their leases.
    return v_key;
  end if;
  update app_public.worker_keys k set revoked_at = now() where k.id = v_key.id returning * into v_key;
  delete from app_private.worker_key_secrets s where s.key_id = v_key.id;
  -- Its leases end, so that the next sweep gives the jobs to others and no key
  -- that is given the same name finds them as its own.
  update app_public.tryon_jobs j set locked_until = now()
  where j.id in (
    select p.id from app_public.tryon_jobs p
    where p.status = 'processing' and p.locked_until > now()
      and (p.locked_by = v_key.name or starts_with(p.locked_by, v_key.name || '/'))
    order by p.id
    for update
  );
  return v_key;
end
$$;
revoke execute on function app_public.revoke_worker_key(uuid) from public;
grant execute on function app_public.revoke_worker_key(uuid) to :ROLE_STAFF_ADMIN;
comment on function app_public.revoke_worker_key(uuid) is $$
@admin.label Revoke
@admin.icon block
@admin.action row of worker_keys
@admin.confirm Revoke this key? Its workers are refused from the next call on; what they hold goes back to the queue.
Ends a key at once, and the leases of its workers; its hash is deleted. Staff administration only. DNIED, NTFND.$$;

-- What the server calls for a GPU service: the key decides, each time. The worker
-- is the name of the key and, after a slash, what the service calls itself.
drop function if exists app_private.worker_of_key(bytea, text);
create function app_private.worker_of_key(key_hash bytea, instance text) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_key app_public.worker_keys;
begin
  select k.* into v_key from app_private.worker_key_secrets s
  join app_public.worker_keys k on k.id = s.key_id and k.revoked_at is null
  where s.key_hash = worker_of_key.key_hash
  -- Shared by all calls of the key: who revokes it waits for them.
  for share of k;
  if not found then
    raise exception 'This is not a worker key'
      using errcode = 'LOGIN', hint = 'Send a worker key that is in use as a Bearer token';
  end if;
  if worker_of_key.instance !~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,38}$' then
    raise exception 'A worker names itself with letters, digits and . _ : -, 39 at most'
      using errcode = 'INVAL', column = 'worker', hint = 'Use the name of the machine and a number';
  end if;
  -- Once a minute is enough, and keeps calls from waiting for each other.
  if v_key.last_used_at is null or v_key.last_used_at < now() - interval '1 minute' then
    update app_public.worker_keys k set last_used_at = now()
    where k.id in (select w.id from app_public.worker_keys w where w.id = v_key.id for update skip locked);
  end if;
  return v_key.name || coalesce('/' || worker_of_key.instance, '');
end
$$;
revoke execute on function app_private.worker_of_key(bytea, text) from public;
comment on function app_private.worker_of_key(bytea, text) is 'The name of the worker behind a key; LOGIN when the key is not in use.';

drop function if exists app_private.key_claim_tryon_jobs(bytea, text, integer, integer);
create function app_private.key_claim_tryon_jobs(key_hash bytea, instance text, n integer, lease_seconds integer)
returns setof app_public.tryon_jobs
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select * from app_private.claim_tryon_jobs(
    app_private.worker_of_key(key_claim_tryon_jobs.key_hash, key_claim_tryon_jobs.instance),
    key_claim_tryon_jobs.n, key_claim_tryon_jobs.lease_seconds)
$$;
drop function if exists app_private.key_tryon_pictures(bytea, text, uuid, integer);
create function app_private.key_tryon_pictures(key_hash bytea, instance text, job_id uuid, attempt integer)
returns table (role text, "position" smallint, storage_key text, category_code text)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job app_public.tryon_jobs := app_private.job_of_worker(
    app_private.worker_of_key(key_tryon_pictures.key_hash, key_tryon_pictures.instance),
    key_tryon_pictures.job_id, key_tryon_pictures.attempt);
begin
  return query
    select 'selfie', 0::smallint, v_job.selfie_key, null::text
    union all
    select 'garment', g.position, coalesce(p.image_key, w.image_key), coalesce(p.category_code, w.category_code)
    from app_public.tryon_job_garments g
    left join app_public.products p on p.id = g.product_id
    left join app_public.wardrobe_items w on w.id = g.wardrobe_item_id
    where g.job_id = v_job.id
    order by 2;
end
$$;
drop function if exists app_private.key_heartbeat(bytea, text, uuid, integer, integer);
create function app_private.key_heartbeat(key_hash bytea, instance text, job_id uuid, attempt integer, lease_seconds integer)
returns timestamptz
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_private.heartbeat(
    app_private.worker_of_key(key_heartbeat.key_hash, key_heartbeat.instance),
    key_heartbeat.job_id, key_heartbeat.attempt, key_heartbeat.lease_seconds)
$$;
drop function if exists app_private.key_begin_tryon_result(bytea, text, uuid, integer, text, bigint);
create function app_private.key_begin_tryon_result(
  key_hash bytea, instance text, job_id uuid, attempt integer, content_type text, bytes bigint
) returns text
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_private.begin_tryon_result(
    app_private.worker_of_key(key_begin_tryon_result.key_hash, key_begin_tryon_result.instance),
    key_begin_tryon_result.job_id, key_begin_tryon_result.attempt,
    key_begin_tryon_result.content_type, key_begin_tryon_result.bytes)
$$;
drop function if exists app_private.key_complete_tryon(bytea, text, uuid, integer, text, numeric, integer);
create function app_private.key_complete_tryon(
  key_hash bytea, instance text, job_id uuid, attempt integer, result_key text, confidence numeric, processing_ms integer
) returns app_public.tryon_jobs
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_private.complete_tryon(
    app_private.worker_of_key(key_complete_tryon.key_hash, key_complete_tryon.instance),
    key_complete_tryon.job_id, key_complete_tryon.attempt, key_complete_tryon.result_key,
    key_complete_tryon.confidence, key_complete_tryon.processing_ms)
$$;
drop function if exists app_private.key_fail_tryon(bytea, text, uuid, integer, text, boolean, integer);
create function app_private.key_fail_tryon(
  key_hash bytea, instance text, job_id uuid, attempt integer, error_code text, retryable boolean, processing_ms integer
) returns app_public.tryon_jobs
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_private.fail_tryon(
    app_private.worker_of_key(key_fail_tryon.key_hash, key_fail_tryon.instance),
    key_fail_tryon.job_id, key_fail_tryon.attempt, key_fail_tryon.error_code,
    key_fail_tryon.retryable, key_fail_tryon.processing_ms)
$$;
do $do$
declare
  v_function text;
begin
  foreach v_function in array array[
    'key_claim_tryon_jobs(bytea, text, integer, integer)',
    'key_tryon_pictures(bytea, text, uuid, integer)',
    'key_heartbeat(bytea, text, uuid, integer, integer)',
    'key_begin_tryon_result(bytea, text, uuid, integer, text, bigint)',
    'key_complete_tryon(bytea, text, uuid, integer, text, numeric, integer)',
    'key_fail_tryon(bytea, text, uuid, integer, text, boolean, integer)'
  ] loop
    execute format('revoke execute on function app_private.%s from public', v_function);
    execute format('grant execute on function app_private.%s to :ROLE_APP', v_function);
    execute format('comment on function app_private.%s is %L', v_function,
      'For a worker that comes with a key (by its hash): the function of the same name without key_. LOGIN when the key is not in use.');
  end loop;
end
$do$;
--! EndIncluded functions/tryon/worker_keys.sql
--! Included functions/tryon/views.sql
-- What a brand sees of the jobs that concern it: no selfie, no shopper, and the
-- result only where the brand asked itself (it shows a body otherwise). The view
-- belongs to the bound reader, which the policies of the base table filter; the
-- base table is closed to brand roles. No security barrier on the views that keep
-- no row back themselves: the policies hold up a caller's conditions as one would,
-- and behind a barrier a page of a list would sort every job a brand ever had.
drop view if exists app_public.brand_tryon_jobs cascade;
create view app_public.brand_tryon_jobs as
  select j.id, j.brand_id, j.shopper_handle as shopper, j.payer, j.status, j.category_code, j.cost,
    case when j.user_id is null then j.result_key end as result_key,
    j.confidence, j.processing_ms, j.attempt, j.max_attempts, j.error_code, j.device_family, j.app_version,
    case when j.user_id is null then j.retry_of end as retry_of,
    j.queued_at, j.started_at, j.completed_at, j.finished_at
  from app_public.tryon_jobs j;

drop view if exists app_public.brand_tryon_garments cascade;
create view app_public.brand_tryon_garments as
  select g.job_id, g.position, g.brand_id, g.product_id
  from app_public.tryon_job_garments g;

drop view if exists app_public.brand_tryon_attempts cascade;
create view app_public.brand_tryon_attempts as
  select a.job_id, a.attempt, a.brand_id, a.outcome, a.error_code, a.processing_ms, a.started_at, a.finished_at
  from app_public.tryon_job_attempts a;

-- Counts of days that are over, in UTC: asking again after each try-on would tell
-- the one vote between two answers. Behind a figure stand at least as many people as
-- the floor of the brand says, 11 or more: behind the votes, behind those for and
-- those against unless there are none, behind the mean.
drop view if exists app_public.brand_tryon_feedback cascade;
create view app_public.brand_tryon_feedback with (security_barrier = true) as
  select f.brand_id, f.category_code, f.rated,
    case when (f.agreed = 0 or f.agreed >= b.k) and (f.disagreed = 0 or f.disagreed >= b.k) then f.accurate end as accurate,
    case when f.raters >= b.k then f.mean_rating end as mean_rating
  from (
    select v.brand_id, v.category_code, count(*) as rated, count(*) filter (where v.accurate) as accurate,
      round(avg(v.rating), 2) as mean_rating,
      count(distinct v.user_id) as people,
      count(distinct v.user_id) filter (where v.accurate) as agreed,
      count(distinct v.user_id) filter (where not v.accurate) as disagreed,
      count(distinct v.user_id) filter (where v.rating is not null) as raters
    from app_public.tryon_feedback v
    where v.created_at < date_trunc('day', now(), 'UTC')
    group by v.brand_id, v.category_code
  ) f
  join (select a.id, greatest(11, a.k_min) as k from app_public.brand_accounts a) b on b.id = f.brand_id
  where f.people >= b.k;

grant create on schema app_public to :ROLE_READER;
alter view app_public.brand_tryon_jobs owner to :ROLE_READER;
alter view app_public.brand_tryon_garments owner to :ROLE_READER;
alter view app_public.brand_tryon_attempts owner to :ROLE_READER;
alter view app_public.brand_tryon_feedback owner to :ROLE_READER;
revoke create on schema app_public from :ROLE_READER;
revoke all on app_public.brand_tryon_jobs, app_public.brand_tryon_garments, app_public.brand_tryon_attempts,
  app_public.brand_tryon_feedback from public;
grant select on app_public.brand_tryon_jobs, app_public.brand_tryon_garments, app_public.brand_tryon_attempts,
  app_public.brand_tryon_feedback to :ROLE_VIEWER;

comment on view app_public.brand_tryon_jobs is $$
@primaryKey id
@foreignKey (brand_id) references app_public.brand_accounts (id)|@fieldName brand|@foreignFieldName tryonJobs
@foreignKey (category_code) references app_public.wardrobe_categories (code)|@fieldName category|@foreignFieldName brandTryonJobs
@foreignKey (result_key) references app_public.storage_objects (key)|@fieldName result|@foreignFieldName brandTryonJobs
@behavior -insert -update -delete
@admin.label Try-on jobs
@admin.singular Try-on job
@admin.group Try-on
@admin.icon accessibility
@admin.order 100
@admin.live tryon_jobs
@admin.list id, status, category_code, payer, shopper, cost, queued_at, finished_at
Try-ons of the products of a brand, without selfie and shopper.$$;
-- The index of a brand's jobs gives them newest first. What else is filtered by is
-- read along it; nothing but the key is sorted by, or a page would sort them all.
comment on column app_public.brand_tryon_jobs.id is '@isIndexed';
comment on column app_public.brand_tryon_jobs.brand_id is '@isIndexed';
comment on column app_public.brand_tryon_jobs.category_code is '@behavior +filterBy';
comment on column app_public.brand_tryon_jobs.payer is '@behavior +filterBy';
comment on column app_public.brand_tryon_jobs.retry_of is '@behavior +filterBy';
comment on column app_public.brand_tryon_jobs.finished_at is '@behavior +filterBy';
comment on column app_public.brand_tryon_jobs.shopper is $$
@behavior +filterBy
Stands for one shopper within this brand: random, and another in every other brand. Null for a try-on the brand asked for itself.$$;
comment on column app_public.brand_tryon_jobs.status is $$
@admin.widget status
@isIndexed
queued, processing, then completed, failed, cancelled or expired.$$;
comment on column app_public.brand_tryon_jobs.result_key is 'The result of a try-on the brand asked for itself; null for those of shoppers.';
comment on column app_public.brand_tryon_jobs.confidence is $$
@admin.widget percent
What the model says of its own result, 0 to 1. Not a measured accuracy.$$;
comment on column app_public.brand_tryon_jobs.processing_ms is $$
@admin.widget duration
Milliseconds the completed attempt took.$$;
comment on view app_public.brand_tryon_garments is $$
@primaryKey job_id,position
@foreignKey (job_id) references app_public.brand_tryon_jobs (id)|@fieldName job|@foreignFieldName garments
@foreignKey (product_id) references app_public.products (id)|@fieldName product|@foreignFieldName tryonGarments
@behavior -insert -update -delete
@admin.label Products tried on
@admin.hidden
The products of the brand in a try-on; what else the shopper wore is not shown.$$;
comment on column app_public.brand_tryon_garments.job_id is '@isIndexed';
comment on column app_public.brand_tryon_garments.product_id is '@isIndexed';
comment on column app_public.brand_tryon_garments.position is '@behavior +filterBy';
comment on view app_public.brand_tryon_attempts is $$
@primaryKey job_id,attempt
@foreignKey (job_id) references app_public.brand_tryon_jobs (id)|@fieldName job|@foreignFieldName attempts
@behavior -insert -update -delete
@admin.label Attempts
@admin.hidden
How the attempts of a try-on went.$$;
comment on column app_public.brand_tryon_attempts.job_id is '@isIndexed';
comment on column app_public.brand_tryon_attempts.attempt is '@isIndexed';
comment on column app_public.brand_tryon_attempts.finished_at is '@isIndexed';
comment on view app_public.brand_tryon_feedback is $$
@primaryKey brand_id,category_code
@foreignKey (category_code) references app_public.wardrobe_categories (code)|@fieldName category|@foreignFieldName brandFeedback
@behavior -insert -update -delete
@admin.label Feedback
@admin.group Try-on
@admin.icon rate_review
@admin.order 120
@admin.list category_code, rated, accurate, mean_rating
What shoppers said until the end of yesterday (UTC), per category, where at least as many did as the privacy floor of the brand says (k_min, 11 or more).$$;
comment on column app_public.brand_tryon_feedback.brand_id is '@isIndexed';
comment on column app_public.brand_tryon_feedback.category_code is '@isIndexed';
comment on column app_public.brand_tryon_feedback.rated is 'Try-ons that were rated.';
comment on column app_public.brand_tryon_feedback.accurate is 'Of these, where the garment sat where it should. Null, too few to show: fewer shoppers than the floor said yes, or no.';
comment on column app_public.brand_tryon_feedback.mean_rating is '1 to 5. Null, too few to show: fewer shoppers than the floor gave a rating.';
--! EndIncluded functions/tryon/views.sql
--! Included functions/tryon/operations.sql
-- The board of operations. As the caller: staff read every job, nobody else may
-- call these.
drop function if exists app_public.tryon_queue();
create function app_public.tryon_queue(
  out waiting bigint, out delayed bigint, out running bigint, out silent bigint, out oldest_waiting_seconds integer, out as_of timestamptz
) returns record
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select q.waiting, q.delayed, p.running, p.silent, q.oldest, now()
  from (
    select count(*) filter (where j.run_after <= now()) as waiting, count(*) filter (where j.run_after > now()) as delayed,
      extract(epoch from now() - min(j.queued_at) filter (where j.run_after <= now()))::integer as oldest
    from app_public.tryon_jobs j where j.status = 'queued'
  ) q,
  (
    select count(*) as running, count(*) filter (where j.locked_until <= now()) as silent
    from app_public.tryon_jobs j where j.status = 'processing'
  ) p
$$;
comment on function app_public.tryon_queue() is
  'The queue now: jobs waiting, waiting for a retry, running, and running with a worker that fell silent; seconds the oldest has waited (null when none).';

drop function if exists app_public.tryon_throughput(integer);
create function app_public.tryon_throughput(minutes integer default 60)
returns table (minute timestamptz, completed bigint, failed bigint, retried bigint, lost bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select m.minute, count(a.job_id) filter (where a.outcome = 'completed'), count(a.job_id) filter (where a.outcome = 'failed'),
    count(a.job_id) filter (where a.outcome = 'retried'), count(a.job_id) filter (where a.outcome = 'lost')
  from generate_series(
    date_trunc('minute', now()) - make_interval(mins => least(greatest(coalesce(tryon_throughput.minutes, 60), 1), 1440) - 1),
    date_trunc('minute', now()), interval '1 minute'
  ) m (minute)
  left join app_public.tryon_job_attempts a on a.finished_at >= m.minute and a.finished_at < m.minute + interval '1 minute'
  group by m.minute
  order by m.minute
$$;
comment on function app_public.tryon_throughput(integer) is $$
Attempts that ended in each of the last minutes (1 to 1,440), by how they ended.$$;

drop function if exists app_public.tryon_failures(integer);
create function app_public.tryon_failures(minutes integer default 1440)
returns table (error_code text, attempts bigint, jobs bigint, last_at timestamptz)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(a.error_code, 'UNKNOWN'), count(*), count(distinct a.job_id), max(a.finished_at)
  from app_public.tryon_job_attempts a
  where a.outcome <> 'completed'
    and a.finished_at >= now() - make_interval(mins => least(greatest(coalesce(tryon_failures.minutes, 1440), 1), 43200))
  group by 1
  order by 2 desc, 1
  limit 50
$$;
comment on function app_public.tryon_failures(integer) is $$
Why attempts failed within the last minutes (1 to 43,200), the most frequent first, 50 at most.$$;

drop function if exists app_public.tryon_category_speed(integer);
create function app_public.tryon_category_speed(minutes integer default 1440)
returns table (category_code text, completed bigint, failed bigint, p50_ms integer, p95_ms integer, success numeric)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select a.category_code,
    count(*) filter (where a.outcome = 'completed'),
    count(*) filter (where a.outcome in ('failed', 'lost')),
    round((percentile_cont(0.5) within group (order by a.processing_ms) filter (where a.outcome = 'completed'))::numeric)::integer,
    round((percentile_cont(0.95) within group (order by a.processing_ms) filter (where a.outcome = 'completed'))::numeric)::integer,
    round(count(*) filter (where a.outcome = 'completed') / nullif(count(*) filter (where a.outcome <> 'retried'), 0)::numeric, 4)
  from app_public.tryon_job_attempts a
  where a.finished_at >= now() - make_interval(mins => least(greatest(coalesce(tryon_category_speed.minutes, 1440), 1), 43200))
  group by a.category_code
  order by a.category_code
$$;
comment on function app_public.tryon_category_speed(integer) is $$
Per category within the last minutes (1 to 43,200): attempts completed and failed, median and 95th percentile of milliseconds (completed only), share that succeeded (4 decimals, null when none).$$;

revoke execute on function app_public.tryon_queue(), app_public.tryon_throughput(integer), app_public.tryon_failures(integer),
  app_public.tryon_category_speed(integer) from public;
grant execute on function app_public.tryon_queue(), app_public.tryon_throughput(integer), app_public.tryon_failures(integer),
  app_public.tryon_category_speed(integer) to :ROLE_STAFF;
--! EndIncluded functions/tryon/operations.sql
--! Included functions/storage/uploads.sql
-- An upload in three steps: the caller, under the caller's policies, makes the
-- row and gets a key; the bytes arrive by a signed link; the server marks the
-- row. Keys are made here, never by a client.

drop function if exists app_hidden.create_upload(app_public.storage_kind, text, bigint);
create function app_hidden.create_upload(kind app_public.storage_kind, content_type text, bytes bigint) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_extension text := case create_upload.content_type
    when 'image/png' then 'png'
    when 'image/jpeg' then 'jpg'
    when 'image/webp' then 'webp'
    when 'image/gif' then 'gif'
  end;
  v_brand_id uuid := app_hidden.current_brand_id();
  v_key text;
begin
  -- SVG is a program that a browser runs: never stored.
  if v_extension is null then
    raise exception 'This kind of file cannot be uploaded'
      using errcode = 'INVAL', column = 'contentType', hint = 'Use a PNG, JPEG, WebP or GIF picture';
  end if;
  if create_upload.kind not in ('garment', 'selfie') then
    raise exception 'Pictures of garments and selfies are uploaded here, nothing else'
      using errcode = 'INVAL', column = 'kind', hint = 'Use garment or selfie';
  end if;
  if create_upload.bytes is null or create_upload.bytes < 1 then
    raise exception 'The file is empty'
      using errcode = 'INVAL', column = 'bytes', hint = 'Choose another file';
  end if;
  -- 122 random bits: a key is not a secret, and still cannot be guessed.
  v_key := create_upload.kind::text || '/' || to_char(now() at time zone 'UTC', 'YYYY/MM') || '/'
    || gen_random_uuid()::text || '.' || v_extension;
  insert into app_public.storage_objects (key, owner_brand_id, owner_user_id, kind, content_type, bytes)
  values (
    v_key, v_brand_id, case when v_brand_id is null then app_hidden.current_user_id() end,
    create_upload.kind, create_upload.content_type, create_upload.bytes
  );
  return v_key;
end
$$;
revoke execute on function app_hidden.create_upload(app_public.storage_kind, text, bigint) from public;
grant execute on function app_hidden.create_upload(app_public.storage_kind, text, bigint) to :ROLE_USER, :ROLE_MANAGER;
comment on function app_hidden.create_upload(app_public.storage_kind, text, bigint) is
  'Registers a picture that is about to be uploaded, for the active brand or else the person, and returns its key.';

drop function if exists app_private.complete_upload(text, bigint, bytea);
create function app_private.complete_upload(key text, bytes bigint, sha256 bytea) returns boolean
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  with done as (
    update app_public.storage_objects as o
    set status = 'available', bytes = complete_upload.bytes, sha256 = complete_upload.sha256,
      -- A selfie nobody tries anything on is not kept for ever: each try-on moves this.
      retention_until = case when o.kind = 'selfie' then now() + interval '30 days' else o.retention_until end
    where o.key = complete_upload.key and o.status = 'pending'
    returning 1
  )
  select exists (select 1 from done)
$$;
revoke execute on function app_private.complete_upload(text, bigint, bytea) from public;
grant execute on function app_private.complete_upload(text, bigint, bytea) to :ROLE_APP;
comment on function app_private.complete_upload(text, bigint, bytea) is
  'Marks a pending file as arrived; false when there is none, so that a key is written once.';

drop function if exists app_private.claim_expired_uploads(integer);
create function app_private.claim_expired_uploads(batch integer) returns setof text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_key text;
  v_claimed integer := 0;
begin
  -- What never arrived, what is past its retention, and what an earlier round
  -- began: the row turns "deleting" first, the bytes go next, the row last. A
  -- crash in between is picked up by the next round. The row is locked before
  -- anybody asks whether it is in use: who names a file locks it, too.
  for v_key in
    select c.key
    from app_public.storage_objects as c
    where (c.status = 'pending' and c.created_at < now() - interval '1 day')
      or (c.status = 'available' and c.retention_until < now())
      or c.status = 'deleting'
    order by c.created_at
    for update skip locked
  loop
    exit when v_claimed >= claim_expired_uploads.batch;
    -- In use, it stays, and does not stand in the way of those behind it.
    continue when app_private.is_file_in_use(v_key);
    update app_public.storage_objects as o set status = 'deleting' where o.key = v_key;
    v_claimed := v_claimed + 1;
    return next v_key;
  end loop;
end
$$;
revoke execute on function app_private.claim_expired_uploads(integer) from public;
grant execute on function app_private.claim_expired_uploads(integer) to :ROLE_WORKER;
comment on function app_private.claim_expired_uploads(integer) is
  'Marks up to so many files that ran out, and that nothing names, as being deleted and returns their keys.';

drop function if exists app_private.forget_upload(text);
create function app_private.forget_upload(key text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- A job keeps saying that it had this picture; the picture itself is gone.
  if exists (select 1 from app_public.tryon_jobs as j where j.selfie_key = forget_upload.key)
    or exists (select 1 from app_public.tryon_jobs as j where j.result_key = forget_upload.key) then
    update app_public.storage_objects as o set status = 'deleted', sha256 = null
    where o.key = forget_upload.key and o.status = 'deleting';
  else
    delete from app_public.storage_objects as o where o.key = forget_upload.key and o.status = 'deleting';
  end if;
end
$$;
revoke execute on function app_private.forget_upload(text) from public;
grant execute on function app_private.forget_upload(text) to :ROLE_WORKER;
comment on function app_private.forget_upload(text) is 'Removes the row of a file whose bytes are gone; where a try-on names it, the row stays as deleted.';
--! EndIncluded functions/storage/uploads.sql
--! Included policies/_private.sql
-- Tables of app_private: closed to everybody, row-level security on, no policy.
-- Functions owned by the database's owner are the only way in. The import
-- staging stays without row-level security, because COPY FROM is refused under
-- it; only the worker may touch it.
call app_private.close_table('app_private.settings');
call app_private.close_table('app_private.partitioned_tables');
call app_private.close_table('app_private.user_secrets');
call app_private.close_table('app_private.sessions');
call app_private.close_table('app_private.login_throttle');
call app_private.close_table('app_private.password_resets');
call app_private.close_table('app_private.password_reset_requests');
call app_private.close_table('app_private.invitation_secrets');
call app_private.close_table('app_private.idempotency_keys');

call app_private.close_table('app_private.import_rows');
alter table app_private.import_rows disable row level security;
grant select, insert, update, delete on app_private.import_rows to :ROLE_WORKER;
call app_private.close_table('app_private.tryon_transitions');
call app_private.close_table('app_private.shopper_handles');
call app_private.close_table('app_private.worker_key_secrets');
--! EndIncluded policies/_private.sql
--! Included policies/wardrobe_categories.sql
-- A lookup everybody reads; staff add and change.
call app_private.close_table('app_public.wardrobe_categories');

create policy select_all on app_public.wardrobe_categories for select
  to :ROLE_ANONYMOUS, :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF, :ROLE_WORKER using (true);
create policy insert_staff on app_public.wardrobe_categories for insert to :ROLE_STAFF with check (true);
create policy update_staff on app_public.wardrobe_categories for update to :ROLE_STAFF using (true) with check (true);

grant select on app_public.wardrobe_categories to :ROLE_ANONYMOUS, :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF, :ROLE_WORKER;
grant insert (code, label, grp, tracking, sort, tryon_cost, active) on app_public.wardrobe_categories to :ROLE_STAFF;
grant update (label, grp, tracking, sort, tryon_cost, active, updated_at) on app_public.wardrobe_categories to :ROLE_STAFF;
--! EndIncluded policies/wardrobe_categories.sql
--! Included policies/storage_objects.sql
-- A person sees and makes the own files, a brand its own; staff see what exists
-- (the row, never the bytes); the worker moves states and deletes bytes. State
-- changes of an upload go through a definer function after the bytes arrived.
call app_private.close_table('app_public.storage_objects');

create policy fence_brand on app_public.storage_objects as restrictive for all to :ROLE_VIEWER
  using (owner_brand_id = (select app_hidden.current_brand_id()))
  with check (owner_brand_id = (select app_hidden.current_brand_id()));
create policy select_own on app_public.storage_objects for select to :ROLE_USER
  using (owner_user_id = (select app_hidden.current_user_id()));
create policy insert_own on app_public.storage_objects for insert to :ROLE_USER
  with check (owner_user_id = (select app_hidden.current_user_id()) and kind in ('selfie', 'garment'));
create policy select_brand on app_public.storage_objects for select to :ROLE_VIEWER using (true);
create policy insert_brand on app_public.storage_objects for insert to :ROLE_MANAGER
  with check (kind in ('garment', 'selfie', 'import'));
create policy select_staff on app_public.storage_objects for select to :ROLE_STAFF using (true);
create policy select_worker on app_public.storage_objects for select to :ROLE_WORKER using (true);
create policy update_worker on app_public.storage_objects for update to :ROLE_WORKER using (true) with check (true);

grant select on app_public.storage_objects to :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF, :ROLE_WORKER;
grant insert (key, owner_user_id, owner_brand_id, kind, content_type, bytes) on app_public.storage_objects
  to :ROLE_USER, :ROLE_MANAGER;
grant update (status, retention_until, updated_at) on app_public.storage_objects to :ROLE_WORKER;
--! EndIncluded policies/storage_objects.sql
--! Included policies/tryon_jobs.sql
-- A shopper sees the own jobs, staff all of them. Brand roles have nothing here:
-- the row holds a shopper and a selfie. They read brand_tryon_jobs, through the
-- reader role, which this fence filters. Nobody writes: functions do.
call app_private.close_table('app_public.tryon_jobs');

create policy select_own on app_public.tryon_jobs for select to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()));
create policy select_brand on app_public.tryon_jobs for select to :ROLE_READER
  using (brand_id = (select app_hidden.current_brand_id()));
create policy select_staff on app_public.tryon_jobs for select to :ROLE_STAFF using (true);
create policy select_worker on app_public.tryon_jobs for select to :ROLE_WORKER using (true);

grant select on app_public.tryon_jobs to :ROLE_USER, :ROLE_READER, :ROLE_STAFF, :ROLE_WORKER;
--! EndIncluded policies/tryon_jobs.sql
--! Included policies/tryon_job_garments.sql
-- As the jobs. Through the reader a brand sees its own products only, never an
-- item of a wardrobe.
call app_private.close_table('app_public.tryon_job_garments');

create policy select_own on app_public.tryon_job_garments for select to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()));
create policy select_brand on app_public.tryon_job_garments for select to :ROLE_READER
  using (brand_id = (select app_hidden.current_brand_id()));
create policy select_staff on app_public.tryon_job_garments for select to :ROLE_STAFF using (true);
create policy select_worker on app_public.tryon_job_garments for select to :ROLE_WORKER using (true);

grant select on app_public.tryon_job_garments to :ROLE_USER, :ROLE_READER, :ROLE_STAFF, :ROLE_WORKER;
--! EndIncluded policies/tryon_job_garments.sql
--! Included policies/tryon_job_attempts.sql
-- As the jobs. Written by the trigger that ends an attempt, by nobody else.
call app_private.close_table('app_public.tryon_job_attempts');

create policy select_own on app_public.tryon_job_attempts for select to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()));
create policy select_brand on app_public.tryon_job_attempts for select to :ROLE_READER
  using (brand_id = (select app_hidden.current_brand_id()));
create policy select_staff on app_public.tryon_job_attempts for select to :ROLE_STAFF using (true);
create policy select_worker on app_public.tryon_job_attempts for select to :ROLE_WORKER using (true);

grant select on app_public.tryon_job_attempts to :ROLE_USER, :ROLE_READER, :ROLE_STAFF, :ROLE_WORKER;
--! EndIncluded policies/tryon_job_attempts.sql
--! Included policies/tryon_feedback.sql
-- A shopper says it of the own jobs (a trigger checks the job) and may change
-- their mind; staff read it; a brand sees counts, through brand_tryon_feedback.
call app_private.close_table('app_public.tryon_feedback');

create policy select_own on app_public.tryon_feedback for select to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()));
create policy insert_own on app_public.tryon_feedback for insert to :ROLE_USER
  with check (user_id = (select app_hidden.current_user_id()));
create policy update_own on app_public.tryon_feedback for update to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()))
  with check (user_id = (select app_hidden.current_user_id()));
create policy select_brand on app_public.tryon_feedback for select to :ROLE_READER
  using (brand_id = (select app_hidden.current_brand_id()));
create policy select_staff on app_public.tryon_feedback for select to :ROLE_STAFF using (true);

grant select on app_public.tryon_feedback to :ROLE_USER, :ROLE_READER, :ROLE_STAFF;
grant insert (job_id, user_id, accurate, rating) on app_public.tryon_feedback to :ROLE_USER;
grant update (accurate, rating, updated_at) on app_public.tryon_feedback to :ROLE_USER;
--! EndIncluded policies/tryon_feedback.sql
--! Included policies/brand_accounts.sql
-- A brand sees itself; its managers set name and time zone, its owners the
-- privacy floor too; staff see, make and change all. Nobody deletes: a brand is
-- closed instead.
call app_private.close_table('app_public.brand_accounts');

create policy fence_brand on app_public.brand_accounts as restrictive for all to :ROLE_VIEWER
  using (id = (select app_hidden.current_brand_id()))
  with check (id = (select app_hidden.current_brand_id()));
create policy select_brand on app_public.brand_accounts for select to :ROLE_VIEWER using (true);
create policy update_brand on app_public.brand_accounts for update to :ROLE_MANAGER using (true) with check (true);
create policy select_staff on app_public.brand_accounts for select to :ROLE_STAFF using (true);
create policy insert_staff on app_public.brand_accounts for insert to :ROLE_STAFF with check (true);
create policy update_staff on app_public.brand_accounts for update to :ROLE_STAFF using (true) with check (true);
create policy select_worker on app_public.brand_accounts for select to :ROLE_WORKER using (true);
-- The floor under the figures of a brand: what the views of the reader ask for.
create policy select_floor on app_public.brand_accounts for select to :ROLE_READER
  using (id = (select app_hidden.current_brand_id()));

grant select on app_public.brand_accounts to :ROLE_VIEWER, :ROLE_READER, :ROLE_STAFF, :ROLE_WORKER;
grant update (name, timezone, updated_at) on app_public.brand_accounts to :ROLE_MANAGER;
grant update (k_min) on app_public.brand_accounts to :ROLE_BRAND_OWNER;
grant insert (slug, name, timezone, dataset_access, custom_model_training, k_min) on app_public.brand_accounts to :ROLE_STAFF;
grant update (slug, name, status, timezone, dataset_access, custom_model_training, k_min, updated_at)
  on app_public.brand_accounts to :ROLE_STAFF;
--! EndIncluded policies/brand_accounts.sql
--! Included policies/worker_keys.sql
-- Staff see which keys there are; administration makes and ends them, through
-- functions. The hash is in app_private.
call app_private.close_table('app_public.worker_keys');

create policy select_staff on app_public.worker_keys for select to :ROLE_STAFF using (true);

grant select on app_public.worker_keys to :ROLE_STAFF;
--! EndIncluded policies/worker_keys.sql
--! Included policies/credit_accounts.sql
-- A person sees the own wallet, analysts and above that of their brand, staff all
-- and the accounts of the system. Nobody writes: transfers do, through functions.
call app_private.close_table('app_public.credit_accounts');

create policy fence_brand on app_public.credit_accounts as restrictive for all to :ROLE_VIEWER
  using (owner_brand_id = (select app_hidden.current_brand_id()))
  with check (owner_brand_id = (select app_hidden.current_brand_id()));
create policy select_own on app_public.credit_accounts for select to :ROLE_USER
  using (owner_user_id = (select app_hidden.current_user_id()));
create policy select_brand on app_public.credit_accounts for select to :ROLE_ANALYST using (true);
create policy select_staff on app_public.credit_accounts for select to :ROLE_STAFF using (true);

grant select on app_public.credit_accounts to :ROLE_USER, :ROLE_ANALYST, :ROLE_STAFF;
--! EndIncluded policies/credit_accounts.sql
--! Included policies/credit_grants.sql
-- As the accounts: the own, that of the brand from analyst up, all for staff.
call app_private.close_table('app_public.credit_grants');

create policy fence_brand on app_public.credit_grants as restrictive for all to :ROLE_VIEWER
  using (owner_brand_id = (select app_hidden.current_brand_id()))
  with check (owner_brand_id = (select app_hidden.current_brand_id()));
create policy select_own on app_public.credit_grants for select to :ROLE_USER
  using (owner_user_id = (select app_hidden.current_user_id()));
create policy select_brand on app_public.credit_grants for select to :ROLE_ANALYST using (true);
create policy select_staff on app_public.credit_grants for select to :ROLE_STAFF using (true);

grant select on app_public.credit_grants to :ROLE_USER, :ROLE_ANALYST, :ROLE_STAFF;
--! EndIncluded policies/credit_grants.sql
--! Included policies/credit_holds.sql
-- As the accounts: the own, that of the brand from analyst up, all for staff.
call app_private.close_table('app_public.credit_holds');

create policy fence_brand on app_public.credit_holds as restrictive for all to :ROLE_VIEWER
  using (owner_brand_id = (select app_hidden.current_brand_id()))
  with check (owner_brand_id = (select app_hidden.current_brand_id()));
create policy select_own on app_public.credit_holds for select to :ROLE_USER
  using (owner_user_id = (select app_hidden.current_user_id()));
create policy select_brand on app_public.credit_holds for select to :ROLE_ANALYST using (true);
create policy select_staff on app_public.credit_holds for select to :ROLE_STAFF using (true);

grant select on app_public.credit_holds to :ROLE_USER, :ROLE_ANALYST, :ROLE_STAFF;
--! EndIncluded policies/credit_holds.sql
--! Included policies/credit_hold_lines.sql
-- As the holds they belong to; the owner stands on each line.
call app_private.close_table('app_public.credit_hold_lines');

create policy fence_brand on app_public.credit_hold_lines as restrictive for all to :ROLE_VIEWER
  using (owner_brand_id = (select app_hidden.current_brand_id()))
  with check (owner_brand_id = (select app_hidden.current_brand_id()));
create policy select_own on app_public.credit_hold_lines for select to :ROLE_USER
  using (owner_user_id = (select app_hidden.current_user_id()));
create policy select_brand on app_public.credit_hold_lines for select to :ROLE_ANALYST using (true);
create policy select_staff on app_public.credit_hold_lines for select to :ROLE_STAFF using (true);

grant select on app_public.credit_hold_lines to :ROLE_USER, :ROLE_ANALYST, :ROLE_STAFF;
--! EndIncluded policies/credit_hold_lines.sql
--! Included policies/credit_transfers.sql
-- As the accounts. Append-only: no role, the owner included, changes or removes
-- an entry, and TRUNCATE is refused as well (triggers).
call app_private.close_table('app_public.credit_transfers');

create policy fence_brand on app_public.credit_transfers as restrictive for all to :ROLE_VIEWER
  using (owner_brand_id = (select app_hidden.current_brand_id()))
  with check (owner_brand_id = (select app_hidden.current_brand_id()));
create policy select_own on app_public.credit_transfers for select to :ROLE_USER
  using (owner_user_id = (select app_hidden.current_user_id()));
create policy select_brand on app_public.credit_transfers for select to :ROLE_ANALYST using (true);
create policy select_staff on app_public.credit_transfers for select to :ROLE_STAFF using (true);

grant select on app_public.credit_transfers to :ROLE_USER, :ROLE_ANALYST, :ROLE_STAFF;
--! EndIncluded policies/credit_transfers.sql
--! Included policies/user_entitlements.sql
-- A person sees the own, staff all; finance gives them through grant_pro.
call app_private.close_table('app_public.user_entitlements');

create policy select_own on app_public.user_entitlements for select to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()));
create policy select_staff on app_public.user_entitlements for select to :ROLE_STAFF using (true);

grant select on app_public.user_entitlements to :ROLE_USER, :ROLE_STAFF;
--! EndIncluded policies/user_entitlements.sql
--! Included functions/session/brand_people.sql
-- What members of a brand may know of each other. The view belongs to the bound
-- reader role, which row-level security and the fence filter as they filter the
-- caller; the base table stays closed to brand roles but for their own row.
drop view if exists app_public.brand_people;
create view app_public.brand_people with (security_barrier = true) as
  select m.brand_id, m.user_id, u.display_name, u.email, m.role, u.status, u.last_login_at,
    m.created_at, m.updated_at
  from app_public.brand_members m
  join app_public.users u on u.id = m.user_id;

grant create on schema app_public to :ROLE_READER;
alter view app_public.brand_people owner to :ROLE_READER;
revoke create on schema app_public from :ROLE_READER;

revoke all on app_public.brand_people from public;
grant select on app_public.brand_people to :ROLE_VIEWER;
comment on view app_public.brand_people is $$
@primaryKey brand_id,user_id
@foreignKey (brand_id) references app_public.brand_accounts (id)|@fieldName brand|@foreignFieldName people
@behavior -insert -update -delete
The people of the active brand: name, e-mail and role, and nothing else of their accounts.$$;
-- A brand has few people: a list of them is sorted and filtered by anything.
do $$
declare
  v_column text;
begin
  foreach v_column in array '{brand_id,user_id,display_name,email,role,status,last_login_at,created_at,updated_at}'::text[] loop
    execute format('comment on column app_public.brand_people.%I is %L', v_column, '@isIndexed');
  end loop;
end
$$;
--! EndIncluded functions/session/brand_people.sql

--------------------------------------------------------------------------------
-- 7300 Background: what ran, kept for 14 days. Written by the worker for every
-- run; an error is a sentence, never SQL, a path or data of a person.
--------------------------------------------------------------------------------

drop table if exists app_public.task_runs cascade;
drop type if exists app_public.task_outcome, app_public.background_state cascade;
create type app_public.task_outcome as enum ('ok', 'failed');
-- "failing" is tried again by itself, "dead" has used its attempts.
create type app_public.background_state as enum ('waiting', 'running', 'failing', 'dead');

create table app_public.task_runs (
  id uuid not null default app_private.uuid_v7() constraint task_runs_pkey primary key,
  task text not null,
  started_at timestamptz not null,
  finished_at timestamptz not null,
  outcome app_public.task_outcome not null,
  error text,
  attempt integer not null,
  job_id bigint not null,
  findings integer,
  constraint task_runs_finished_at_check check (finished_at >= started_at),
  constraint task_runs_error_check check ((outcome = 'failed') = (error is not null) and length(error) <= 500),
  constraint task_runs_attempt_check check (attempt >= 1),
  constraint task_runs_findings_check check (findings >= 1)
);
-- The newest of a task, and the newest that failed.
create index task_runs_task_idx on app_public.task_runs (task, id desc);
create index task_runs_outcome_idx on app_public.task_runs (outcome, id desc);
comment on table app_public.task_runs is $$
@admin.label Background runs
@admin.singular Background run
@admin.group Operations
@admin.icon manage_history
@admin.order 900
@admin.list task, outcome, started_at, finished_at, attempt, error
@behavior -insert -update -delete
Every run of a background task in the last 14 days, and how it ended.$$;
comment on column app_public.task_runs.outcome is $$
@admin.widget status
ok or failed; what failed is tried again until its attempts are used.$$;
comment on column app_public.task_runs.error is 'Why it failed, in a sentence; the log has the rest.';
comment on column app_public.task_runs.attempt is 'The how-manieth try of its job.';
comment on column app_public.task_runs.job_id is 'The job of the queue; gone from there once it is done.';
comment on column app_public.task_runs.findings is 'How many faults a check found; null where it found none, and for other tasks.';
comment on constraint task_runs_pkey on app_public.task_runs is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint task_runs_finished_at_check on app_public.task_runs is $$
@error INVAL finished_at A run ends after it began.$$;
comment on constraint task_runs_error_check on app_public.task_runs is $$
@error INVAL error A run that failed, and no other, says why in 500 characters.$$;
comment on constraint task_runs_attempt_check on app_public.task_runs is $$
@error INVAL attempt Attempts count from 1.$$;
comment on constraint task_runs_findings_check on app_public.task_runs is $$
@error INVAL findings Findings are counted from 1.$$;

--! Included functions/ops/background.sql
-- What staff see of the background. The queue's schema belongs to the worker's
-- role, so what reads it does too (app_private, executable by the owner alone);
-- around it stand functions that check their caller. Payloads are not shown:
-- they name people.

drop function if exists app_private.record_task_run(text, timestamptz, app_public.task_outcome, text, integer, bigint, integer);
create function app_private.record_task_run(
  task text, started_at timestamptz, outcome app_public.task_outcome, error text, attempt integer, job_id bigint, findings integer
) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into app_public.task_runs (task, started_at, finished_at, outcome, error, attempt, job_id, findings)
  values (
    record_task_run.task, least(record_task_run.started_at, clock_timestamp()), clock_timestamp(), record_task_run.outcome,
    left(record_task_run.error, 500), record_task_run.attempt, record_task_run.job_id, record_task_run.findings)
$$;
revoke execute on function app_private.record_task_run(text, timestamptz, app_public.task_outcome, text, integer, bigint, integer) from public;
grant execute on function app_private.record_task_run(text, timestamptz, app_public.task_outcome, text, integer, bigint, integer) to :ROLE_WORKER;
comment on function app_private.record_task_run(text, timestamptz, app_public.task_outcome, text, integer, bigint, integer) is
  'Notes that a background task ran, and how it ended.';

-- One place says what each state means.
drop function if exists app_private.queue_jobs();
create function app_private.queue_jobs()
returns table (
  id bigint, task text, state app_public.background_state, attempts integer, max_attempts integer,
  run_at timestamptz, created_at timestamptz, last_error text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select j.id, t.identifier, (case
        when j.locked_at is not null then 'running'
        when j.attempts >= j.max_attempts then 'dead'
        when j.attempts > 0 then 'failing'
        else 'waiting'
      end)::app_public.background_state,
      j.attempts::integer, j.max_attempts::integer, j.run_at, j.created_at,
      -- The first line: what follows is where in the program it happened.
      left(split_part(j.last_error, chr(10), 1), 500)
    from graphile_worker._private_jobs j
    join graphile_worker._private_tasks t on t.id = j.task_id;
end
$$;
revoke execute on function app_private.queue_jobs() from public;
comment on function app_private.queue_jobs() is 'Every job of the queue with its state, without its payload.';

drop function if exists app_private.requeue_job(bigint);
create function app_private.requeue_job(id bigint) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- A job that runs is left alone: it would be done twice at once.
  perform 1 from graphile_worker._private_jobs j
  where j.id = requeue_job.id and j.locked_at is null and j.attempts > 0
  for update;
  if not found then
    return false;
  end if;
  perform 1 from graphile_worker.reschedule_jobs(array[requeue_job.id], run_at => now(), attempts => 0);
  return true;
end
$$;
revoke execute on function app_private.requeue_job(bigint) from public;
comment on function app_private.requeue_job(bigint) is 'Gives a job that failed all its attempts again, from now; false when there is none, or it runs or waits.';

grant create on schema app_private to :ROLE_WORKER;
alter function app_private.queue_jobs() owner to :ROLE_WORKER;
alter function app_private.requeue_job(bigint) owner to :ROLE_WORKER;
revoke create on schema app_private from :ROLE_WORKER;
grant execute on function app_private.queue_jobs() to :ROLE_OWNER;
grant execute on function app_private.requeue_job(bigint) to :ROLE_OWNER;

drop function if exists app_private.background_figures();
create function app_private.background_figures()
returns table (task text, waiting bigint, running bigint, failing bigint, dead bigint, oldest_seconds integer)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select q.task,
    count(*) filter (where q.state = 'waiting'), count(*) filter (where q.state = 'running'),
    count(*) filter (where q.state = 'failing'), count(*) filter (where q.state = 'dead'),
    extract(epoch from now() - min(q.run_at) filter (where q.state in ('waiting', 'failing') and q.run_at <= now()))::integer
  from app_private.queue_jobs() q
  group by q.task
  order by q.task
$$;
revoke execute on function app_private.background_figures() from public;
grant execute on function app_private.background_figures() to :ROLE_APP;
comment on function app_private.background_figures() is 'The queue in figures, for /metrics: per task, and seconds since the oldest job that could run was due.';

drop function if exists app_private.invariant_findings();
create function app_private.invariant_findings() returns integer
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(r.findings, 0) from app_public.task_runs r
  where r.task = 'check_invariants' and (r.outcome = 'ok' or r.findings is not null)
  order by r.id desc
  limit 1
$$;
revoke execute on function app_private.invariant_findings() from public;
grant execute on function app_private.invariant_findings() to :ROLE_APP;
comment on function app_private.invariant_findings() is 'How many faults the last check of invariants found, for /metrics; null before the first that came to its end.';

drop function if exists app_public.background_queues();
create function app_public.background_queues()
returns table (task text, waiting bigint, running bigint, failing bigint, dead bigint, oldest_seconds integer)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_staff('{support,finance,privacy,admin}', 'You may not see background tasks');
  return query select * from app_private.background_figures();
end
$$;
revoke execute on function app_public.background_queues() from public;
grant execute on function app_public.background_queues() to :ROLE_STAFF;
comment on function app_public.background_queues() is $$
Per background task: jobs waiting, running, failing (to be tried again) and dead (out of attempts), and seconds since the oldest that could run was due. Staff only. DNIED.$$;

drop function if exists app_public.background_jobs(app_public.background_state);
create function app_public.background_jobs(state app_public.background_state default null)
returns table (
  job_id bigint, task text, job_state app_public.background_state, attempts integer, max_attempts integer,
  run_at timestamptz, created_at timestamptz, last_error text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_staff('{support,finance,privacy,admin}', 'You may not see background tasks');
  return query
    select q.* from app_private.queue_jobs() q
    where background_jobs.state is null or q.state = background_jobs.state
    order by q.run_at, q.id
    limit 500;
end
$$;
revoke execute on function app_public.background_jobs(app_public.background_state) from public;
grant execute on function app_public.background_jobs(app_public.background_state) to :ROLE_STAFF;
comment on function app_public.background_jobs(app_public.background_state) is $$
Background jobs, the longest due first, in one state or in all, 500 at most. Staff only. DNIED.$$;

drop function if exists app_public.retry_background_job(bigint);
create function app_public.retry_background_job(job_id bigint) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_staff_id uuid := app_private.assert_staff('{support,admin}', 'You may not run background tasks again');
  v_job record;
begin
  select * into v_job from app_private.queue_jobs() q where q.id = retry_background_job.job_id;
  if not found then
    raise exception 'There is no such background job'
      using errcode = 'NTFND', column = 'job_id', hint = 'It may be done by now: load the list again';
  end if;
  if not app_private.requeue_job(v_job.id) then
    raise exception 'Only a job that failed can be run again'
      using errcode = 'STATE', column = 'job_id', hint = 'One that waits or runs needs nothing: load the list again';
  end if;
  insert into app_public.audit_log
    (actor_kind, actor_id, impersonator_id, action, table_name, row_pk, diff, request_id)
  values
    ('staff', v_staff_id, app_hidden.current_impersonator_id(), 'retry_background_job', 'background_jobs', v_job.id::text,
     jsonb_build_object('task', jsonb_build_array(null, v_job.task), 'attempts', jsonb_build_array(v_job.attempts, 0)),
     app_hidden.current_request_id());
  return true;
end
$$;
revoke execute on function app_public.retry_background_job(bigint) from public;
grant execute on function app_public.retry_background_job(bigint) to :ROLE_STAFF_SUPPORT, :ROLE_STAFF_ADMIN;
comment on function app_public.retry_background_job(bigint) is
  'Runs a background job that failed again, with all its attempts. Support and administration; leaves an audit row. DNIED, NTFND, STATE.';
--! EndIncluded functions/ops/background.sql
--! Included functions/auth/clean_up.sql
drop function if exists app_private.clean_up();
create function app_private.clean_up() returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_result jsonb := '{}';
  v_count bigint;
begin
  -- Ended sessions stay for a day, so that "where was I last" survives a
  -- sign-out in the evening; the newest of a person stays for good.
  delete from app_private.sessions as s
  where (s.revoked_at < now() - interval '1 day' or s.expires_at < now() - interval '1 day'
      or s.last_seen_at < now() - interval '8 days')
    and exists (
      select 1 from app_private.sessions as n
      where n.user_id = s.user_id and n.token_hash <> s.token_hash and n.last_seen_at > s.last_seen_at
    );
  get diagnostics v_count = row_count;
  v_result := v_result || jsonb_build_object('sessions', v_count);

  delete from app_private.password_resets as r where r.expires_at < now() - interval '1 day';
  get diagnostics v_count = row_count;
  v_result := v_result || jsonb_build_object('passwordResets', v_count);

  delete from app_private.password_reset_requests as q where q.requested_at < now() - interval '14 days';
  get diagnostics v_count = row_count;
  v_result := v_result || jsonb_build_object('passwordResetRequests', v_count);

  delete from app_private.login_throttle as t where t.updated_at < now() - interval '1 day';
  get diagnostics v_count = row_count;
  v_result := v_result || jsonb_build_object('signInFailures', v_count);

  delete from app_private.idempotency_keys as k where k.expires_at < now();
  get diagnostics v_count = row_count;
  v_result := v_result || jsonb_build_object('idempotencyKeys', v_count);

  delete from app_public.task_runs as t where t.id < app_private.uuid_v7_floor(now() - interval '14 days');
  get diagnostics v_count = row_count;
  v_result := v_result || jsonb_build_object('taskRuns', v_count);
  return v_result;
end
$$;
revoke execute on function app_private.clean_up() from public;
grant execute on function app_private.clean_up() to :ROLE_WORKER;
comment on function app_private.clean_up() is 'Deletes what has run out: sessions, reset links and requests, sign-in failures, idempotency keys, background runs. Returns counts.';
--! EndIncluded functions/auth/clean_up.sql
--! Included policies/task_runs.sql
-- Staff see what ran in the background. The worker notes it and clean-up forgets
-- it, through functions; nobody changes a run.
call app_private.close_table('app_public.task_runs');

create policy select_staff on app_public.task_runs for select to :ROLE_STAFF using (true);

grant select on app_public.task_runs to :ROLE_STAFF;
--! EndIncluded policies/task_runs.sql

--------------------------------------------------------------------------------
-- 7310 Pages follow jobs and wallets.
--------------------------------------------------------------------------------

--! Included functions/live/live_jobs.sql
-- The busiest live tables. A transaction that notifies waits for the commit of
-- the one before it, so only what pages follow is live here: attempts and garments
-- change with their job, the entries of the ledger with the accounts they move.
-- The views brand_tryon_jobs, user_credits and brand_credits tell of them too, by
-- their tag @admin.live.
call app_private.announce_changes('app_public.tryon_jobs', brand_column => 'brand_id', user_column => 'user_id');
call app_private.announce_changes(
  'app_public.credit_accounts', brand_column => 'owner_brand_id', user_column => 'owner_user_id'
);
--! EndIncluded functions/live/live_jobs.sql

--------------------------------------------------------------------------------
-- 7420 The page of a wallet: its history, its days, what is left of its grants.
--------------------------------------------------------------------------------

--! Included functions/credits/wallet.sql
-- What a page of one wallet shows. All run as the caller, so the policies of the
-- ledger, of grants and of holds decide what is there; a wallet that is not the
-- caller's has no rows. The two branches of each union are the two owners: the
-- one that is null matches nothing, and each finds its rows through its own index.

-- An entry as the wallet feels it: what became available, what became held, and
-- what was available after it. That last figure is counted back from the balance of
-- now, so it costs as much as the page is deep.
drop function if exists app_public.wallet_history(uuid, uuid, uuid, integer);
create function app_public.wallet_history(
  user_id uuid default null, brand_id uuid default null, before_entry uuid default null, entries integer default 25
) returns table (
  entry_id uuid, booked_at timestamptz, kind app_public.credit_transfer_kind, amount bigint,
  available_change bigint, held_change bigint, available_after bigint,
  source app_public.credit_source, tryon_job_id uuid, actor_kind text, reason text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with wallet as materialized (
    select a.id, a.kind, a.balance from app_public.credit_accounts a
    where a.owner_user_id = wallet_history.user_id and a.kind in ('available', 'held')
    union all
    select a.id, a.kind, a.balance from app_public.credit_accounts a
    where a.owner_brand_id = wallet_history.brand_id and a.kind in ('available', 'held')
  ), available as materialized (
    select w.id, w.balance from wallet w where w.kind = 'available'
  ), held as materialized (
    select w.id from wallet w where w.kind = 'held'
  ), later as (
    select coalesce(sum(case when t.credit_account = a.id then t.amount when t.debit_account = a.id then -t.amount else 0 end), 0) as change
    from available a, lateral (
      select t.debit_account, t.credit_account, t.amount from app_public.credit_transfers t
      where t.owner_user_id = wallet_history.user_id and t.id >= wallet_history.before_entry
      union all
      select t.debit_account, t.credit_account, t.amount from app_public.credit_transfers t
      where t.owner_brand_id = wallet_history.brand_id and t.id >= wallet_history.before_entry
    ) t
  ), page as (
    (
      select t.* from app_public.credit_transfers t
      where t.owner_user_id = wallet_history.user_id
        and t.id < coalesce(wallet_history.before_entry, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      order by t.id desc
      limit least(greatest(coalesce(wallet_history.entries, 25), 1), 200)
    )
    union all
    (
      select t.* from app_public.credit_transfers t
      where t.owner_brand_id = wallet_history.brand_id
        and t.id < coalesce(wallet_history.before_entry, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      order by t.id desc
      limit least(greatest(coalesce(wallet_history.entries, 25), 1), 200)
    )
  ), felt as (
    select p.*,
      case when p.credit_account = a.id then p.amount when p.debit_account = a.id then -p.amount else 0 end as to_available,
      case when p.credit_account = h.id then p.amount when p.debit_account = h.id then -p.amount else 0 end as to_held,
      a.balance
    from page p, available a, held h
  )
  select f.id, f.created_at, f.kind, f.amount, f.to_available, f.to_held,
    (
      f.balance - l.change
      - coalesce(sum(f.to_available) over (order by f.id desc rows between unbounded preceding and 1 preceding), 0)
    )::bigint,
    g.source, h.tryon_job_id, f.actor_kind, f.reason
  from felt f
  cross join later l
  left join app_public.credit_grants g on g.id = f.grant_id
  left join app_public.credit_holds h on h.id = f.hold_id
  order by f.id desc
$$;
revoke execute on function app_public.wallet_history(uuid, uuid, uuid, integer) from public;
grant execute on function app_public.wallet_history(uuid, uuid, uuid, integer) to :ROLE_USER, :ROLE_ANALYST, :ROLE_STAFF;
comment on function app_public.wallet_history(uuid, uuid, uuid, integer) is $$
@simpleCollections only
The entries of one wallet, a person's or a brand's, the newest first: 1 to 200 of them, older than before_entry where that is given. available_after is what could be spent after the entry, credits whose end was not booked yet included. No rows of a wallet that the caller may not see.$$;

drop function if exists app_public.wallet_usage(uuid, uuid, integer);
create function app_public.wallet_usage(user_id uuid default null, brand_id uuid default null, days integer default 30)
returns table (day date, used bigint, tryons bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with span as (
    select (now() at time zone 'UTC')::date - least(greatest(coalesce(wallet_usage.days, 30), 1), 366) + 1 as first_day
  ), captured as (
    select (t.created_at at time zone 'UTC')::date as day, t.amount
    from span s, app_public.credit_transfers t
    where t.owner_user_id = wallet_usage.user_id and t.kind = 'capture'
      and t.id >= app_hidden.id_at(s.first_day::timestamp at time zone 'UTC')
    union all
    select (t.created_at at time zone 'UTC')::date, t.amount
    from span s, app_public.credit_transfers t
    where t.owner_brand_id = wallet_usage.brand_id and t.kind = 'capture'
      and t.id >= app_hidden.id_at(s.first_day::timestamp at time zone 'UTC')
  ), per_day as (
    select c.day, sum(c.amount)::bigint as used, count(*) as tryons from captured c group by c.day
  )
  select d.day::date, coalesce(p.used, 0), coalesce(p.tryons, 0)
  from span s
  cross join lateral generate_series(s.first_day::timestamp, (now() at time zone 'UTC')::date::timestamp, interval '1 day') d (day)
  left join per_day p on p.day = d.day::date
  order by 1
$$;
revoke execute on function app_public.wallet_usage(uuid, uuid, integer) from public;
grant execute on function app_public.wallet_usage(uuid, uuid, integer) to :ROLE_USER, :ROLE_ANALYST, :ROLE_STAFF;
comment on function app_public.wallet_usage(uuid, uuid, integer) is $$
@simpleCollections only
Credits captured from one wallet, and by how many try-ons, on each of the last days (UTC, 1 to 366, today the last); days without are there with 0. Only 0 of a wallet that the caller may not see.$$;

drop function if exists app_public.wallet_grants(uuid, uuid, integer);
create function app_public.wallet_grants(user_id uuid default null, brand_id uuid default null, entries integer default 50)
returns table (
  grant_id uuid, source app_public.credit_source, amount bigint, remaining bigint, effective_at timestamptz,
  expires_at timestamptz, note text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select g.id, g.source, g.amount, g.remaining, g.effective_at, g.expires_at, g.note
  from (
    select * from app_public.credit_grants o where o.owner_user_id = wallet_grants.user_id
    union all
    select * from app_public.credit_grants o where o.owner_brand_id = wallet_grants.brand_id
  ) g
  where g.remaining > 0 and (g.expires_at is null or g.expires_at > now())
  order by g.expires_at nulls last, g.priority, g.created_at, g.id
  limit least(greatest(coalesce(wallet_grants.entries, 50), 1), 200)
$$;
revoke execute on function app_public.wallet_grants(uuid, uuid, integer) from public;
grant execute on function app_public.wallet_grants(uuid, uuid, integer) to :ROLE_USER, :ROLE_ANALYST, :ROLE_STAFF;
comment on function app_public.wallet_grants(uuid, uuid, integer) is $$
@simpleCollections only
The grants of one wallet that have credits left, what ends next first: 1 to 200 of them. No rows of a wallet that the caller may not see.$$;
--! EndIncluded functions/credits/wallet.sql

--------------------------------------------------------------------------------
-- 8200 Billing: functions and access rules.
--------------------------------------------------------------------------------

--! Included functions/billing/mrr.sql
-- Monthly recurring revenue of one subscription: exact numeric arithmetic, one
-- rounding at the end. docs/metrics.md has the definitions.
drop function if exists app_private.month_factor(text, integer);
create function app_private.month_factor(unit text, count integer) returns numeric
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  -- Kept as one fraction until the last moment: 52/12 cannot be written exactly.
  select case month_factor.unit
    when 'month' then 1 / month_factor.count::numeric
    when 'year' then 1 / (12 * month_factor.count)::numeric
    when 'week' then 52 / (12 * month_factor.count)::numeric
    when 'day' then 365 / (12 * month_factor.count)::numeric
  end
$$;
revoke execute on function app_private.month_factor(text, integer) from public;
comment on function app_private.month_factor(text, integer) is 'How many times an interval fits into a month: 52 weeks and 365 days make a year of 12 months.';

-- What one invoice charges for a quantity at a price; null where that cannot be
-- known (tiers that were not sent).
drop function if exists app_private.price_amount(app_public.stripe_prices, bigint);
create function app_private.price_amount(price app_public.stripe_prices, quantity bigint) returns numeric
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_quantity numeric := coalesce(price_amount.quantity, 1);
  v_divide numeric := (price_amount.price.transform_quantity ->> 'divide_by')::numeric;
  v_tier jsonb;
  v_from numeric := 0;
  v_upto numeric;
  v_total numeric := 0;
begin
  if v_divide > 0 then
    v_quantity := case price_amount.price.transform_quantity ->> 'round'
      when 'up' then ceil(v_quantity / v_divide) else floor(v_quantity / v_divide) end;
  end if;
  if price_amount.price.billing_scheme <> 'tiered' then
    return v_quantity * price_amount.price.unit_amount_decimal;
  end if;
  if jsonb_typeof(price_amount.price.tiers) is distinct from 'array' or jsonb_array_length(price_amount.price.tiers) = 0 then
    return null;
  end if;
  for v_tier in select t from jsonb_array_elements(price_amount.price.tiers) t loop
    v_upto := (v_tier ->> 'up_to')::numeric;
    if price_amount.price.tiers_mode = 'volume' then
      if v_upto is null or v_quantity <= v_upto then
        return v_quantity * coalesce((v_tier ->> 'unit_amount_decimal')::numeric, (v_tier ->> 'unit_amount')::numeric, 0)
          + coalesce((v_tier ->> 'flat_amount_decimal')::numeric, (v_tier ->> 'flat_amount')::numeric, 0);
      end if;
    elsif v_quantity > v_from then
      v_total := v_total
        + (least(v_quantity, coalesce(v_upto, v_quantity)) - v_from)
          * coalesce((v_tier ->> 'unit_amount_decimal')::numeric, (v_tier ->> 'unit_amount')::numeric, 0)
        + coalesce((v_tier ->> 'flat_amount_decimal')::numeric, (v_tier ->> 'flat_amount')::numeric, 0);
      v_from := coalesce(v_upto, v_quantity);
    end if;
  end loop;
  return case when price_amount.price.tiers_mode = 'volume' then null else v_total end;
end
$$;
revoke execute on function app_private.price_amount(app_public.stripe_prices, bigint) from public;
comment on function app_private.price_amount(app_public.stripe_prices, bigint) is 'Minor units that a quantity costs per invoice, exact; null when the tiers are not known.';

-- One discount, as an event tells it: an object of any API generation, or only
-- its id. Null kind: it does not reduce MRR. 'unknown': it may, and we cannot say.
drop function if exists app_private.mrr_discount(jsonb, text);
create function app_private.mrr_discount(
  discount jsonb, currency text, out kind text, out percent_off numeric, out amount_off bigint
) returns record
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_coupon jsonb;
  v_coupon_id text;
  v_known app_public.stripe_coupons;
  v_settings jsonb := coalesce((select s.value from app_private.settings s where s.key = 'mrr'), '{}');
  v_subtracts boolean;
begin
  -- Its own event may tell of the end before the subscription does.
  if exists (
    select 1 from app_public.stripe_discounts d where d.id = app_private.stripe_id(mrr_discount.discount) and d.deleted
  ) then
    return;
  end if;
  if jsonb_typeof(mrr_discount.discount) = 'string' then
    select d.coupon_id into v_coupon_id from app_public.stripe_discounts d where d.id = mrr_discount.discount #>> '{}';
  else
    v_coupon := coalesce(mrr_discount.discount -> 'coupon', mrr_discount.discount #> '{source,coupon}');
    if jsonb_typeof(v_coupon) = 'object' then
      v_coupon_id := v_coupon ->> 'id';
    else
      v_coupon_id := v_coupon #>> '{}';
      v_coupon := null;
      if v_coupon_id is null then
        select d.coupon_id into v_coupon_id from app_public.stripe_discounts d where d.id = mrr_discount.discount ->> 'id';
      end if;
    end if;
  end if;
  if v_coupon is null then
    select * into v_known from app_public.stripe_coupons c where c.id = v_coupon_id;
    if not found then
      kind := 'unknown';
      return;
    end if;
    v_coupon := to_jsonb(v_known);
  end if;
  v_subtracts := case
    when v_coupon ->> 'duration' = 'forever' then coalesce((v_settings ->> 'subtract_recurring')::boolean, true)
    else coalesce((v_settings ->> 'subtract_one_time')::boolean, false)
  end;
  if not v_subtracts then
    return;
  end if;
  percent_off := (v_coupon ->> 'percent_off')::numeric;
  amount_off := (v_coupon ->> 'amount_off')::bigint;
  kind := case
    when percent_off is not null then 'percent'
    when amount_off is not null and lower(v_coupon ->> 'currency') = mrr_discount.currency then 'amount'
    else 'unknown'
  end;
end
$$;
revoke execute on function app_private.mrr_discount(jsonb, text) from public;
comment on function app_private.mrr_discount(jsonb, text) is 'How a discount reduces MRR: percent, amount, unknown (review), or null (not at all).';

-- MRR in the minor unit of the subscription's currency. A note means that it is
-- counted as 0 until somebody looks.
drop function if exists app_private.subscription_mrr_minor(text);
create function app_private.subscription_mrr_minor(subscription_id text, out mrr_minor bigint, out note text) returns record
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_subscription app_public.stripe_subscriptions;
  v_item record;
  v_amount numeric;
  v_discount jsonb;
  v_effect record;
  -- Per interval: what one invoice of it charges.
  v_units text[] := '{}';
  v_counts integer[] := '{}';
  v_totals numeric[] := '{}';
  v_at integer;
  v_total numeric := 0;
begin
  mrr_minor := 0;
  select * into v_subscription from app_public.stripe_subscriptions s where s.id = subscription_mrr_minor.subscription_id;
  if not found or v_subscription.status not in ('active', 'past_due') then
    return;
  end if;
  for v_item in
    select i.quantity, i.discounts, i.price_id, p.id is not null as known, p as price
    from app_public.stripe_subscription_items i
    left join app_public.stripe_prices p on p.id = i.price_id
    where i.subscription_id = subscription_mrr_minor.subscription_id
    order by i.id
  loop
    if not v_item.known then
      note := 'Price ' || v_item.price_id || ' is not known';
      return;
    end if;
    continue when (v_item.price).type <> 'recurring' or (v_item.price).usage_type = 'metered';
    if (v_item.price).currency <> v_subscription.currency then
      note := 'Price ' || v_item.price_id || ' is in another currency';
      return;
    end if;
    if (v_item.price).interval not in ('day', 'week', 'month', 'year') or coalesce((v_item.price).interval_count, 0) < 1 then
      note := 'Price ' || v_item.price_id || ' has no interval';
      return;
    end if;
    v_amount := app_private.price_amount(v_item.price, v_item.quantity);
    if v_amount is null then
      note := 'The tiers of price ' || v_item.price_id || ' are not known';
      return;
    end if;
    for v_discount in select d from jsonb_array_elements(v_item.discounts) d loop
      select * into v_effect from app_private.mrr_discount(v_discount, v_subscription.currency);
      if v_effect.kind = 'unknown' then
        note := 'A discount of an item is not known';
        return;
      elsif v_effect.kind = 'percent' then
        v_amount := v_amount * (100 - v_effect.percent_off) / 100;
      elsif v_effect.kind = 'amount' then
        v_amount := greatest(0, v_amount - v_effect.amount_off);
      end if;
    end loop;
    v_at := null;
    for v_n in 1..cardinality(v_units) loop
      if v_units[v_n] = (v_item.price).interval and v_counts[v_n] = (v_item.price).interval_count then
        v_at := v_n;
      end if;
    end loop;
    if v_at is null then
      v_units := v_units || (v_item.price).interval;
      v_counts := v_counts || (v_item.price).interval_count;
      v_totals := v_totals || v_amount;
    else
      v_totals[v_at] := v_totals[v_at] + v_amount;
    end if;
  end loop;
  for v_discount in select d from jsonb_array_elements(v_subscription.discounts) d loop
    select * into v_effect from app_private.mrr_discount(v_discount, v_subscription.currency);
    if v_effect.kind = 'unknown' then
      note := 'A discount is not known';
      return;
    elsif v_effect.kind = 'percent' then
      for v_n in 1..cardinality(v_totals) loop
        v_totals[v_n] := v_totals[v_n] * (100 - v_effect.percent_off) / 100;
      end loop;
    elsif v_effect.kind = 'amount' then
      if cardinality(v_totals) > 1 then
        note := 'An amount off a subscription with several intervals';
        return;
      elsif cardinality(v_totals) = 1 then
        v_totals[1] := greatest(0, v_totals[1] - v_effect.amount_off);
      end if;
    end if;
  end loop;
  for v_n in 1..cardinality(v_totals) loop
    -- Multiplied before divided, so that no digit is lost on the way to the one rounding.
    v_total := v_total + case v_units[v_n]
      when 'month' then v_totals[v_n] * 12
      when 'year' then v_totals[v_n]
      when 'week' then v_totals[v_n] * 52
      when 'day' then v_totals[v_n] * 365
    end / v_counts[v_n];
  end loop;
  mrr_minor := round(v_total / 12);
end
$$;
revoke execute on function app_private.subscription_mrr_minor(text) from public;
comment on function app_private.subscription_mrr_minor(text) is
  'MRR of a subscription in its currency''s minor unit, rounded once, half away from zero; 0 and a note when it needs a review.';

-- The account that the revenue of a customer belongs to.
drop function if exists app_private.account_of_customer(text);
create function app_private.account_of_customer(customer_id text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    (select coalesce('brand:' || c.brand_id, 'user:' || c.user_id) from app_public.stripe_customers c
      where c.id = account_of_customer.customer_id),
    'customer:' || account_of_customer.customer_id)
$$;
revoke execute on function app_private.account_of_customer(text) from public;
comment on function app_private.account_of_customer(text) is 'brand:<id>, user:<id>, or customer:<id> while nobody is linked.';

-- Recomputes one account and writes the movement, if there is one. The account's
-- row is locked in a statement of its own: the sums of the next statement then
-- see what the last holder of the lock committed.
drop function if exists app_private.settle_account_mrr(text, text, timestamptz, text, boolean);
create function app_private.settle_account_mrr(
  account text, source_event_id text, occurred_at timestamptz, subscription_id text, is_transfer boolean
) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_kind text := split_part(settle_account_mrr.account, ':', 1);
  v_owner text := substr(settle_account_mrr.account, strpos(settle_account_mrr.account, ':') + 1);
  v_earlier bigint;
  v_account app_public.account_mrr;
  v_after bigint;
  v_active integer;
begin
  insert into app_public.account_mrr (account, brand_id, user_id, customer_id)
  values (
    settle_account_mrr.account,
    case when v_kind = 'brand' then v_owner::uuid end,
    case when v_kind = 'user' then v_owner::uuid end,
    case when v_kind = 'customer' then v_owner end
  )
  on conflict do nothing;
  select * into strict v_account from app_public.account_mrr a where a.account = settle_account_mrr.account for update;
  select coalesce(sum(s.mrr_usd_minor), 0), count(*) filter (where s.mrr_usd_minor > 0) into v_after, v_active
  from app_public.stripe_subscriptions s
  left join app_public.stripe_customers c on c.id = s.customer_id
  where case v_kind
    when 'brand' then c.brand_id = v_owner::uuid
    when 'user' then c.user_id = v_owner::uuid
    else s.customer_id = v_owner and c.brand_id is null and c.user_id is null
  end;
  update app_public.account_mrr a
  set mrr_usd_minor = v_after, active_subscriptions = v_active, ever_paid = a.ever_paid or v_after > 0
  where a.account = settle_account_mrr.account
    and (a.mrr_usd_minor, a.active_subscriptions) is distinct from (v_after, v_active);
  if v_after = v_account.mrr_usd_minor then
    return;
  end if;
  -- An event that is replayed may find what it is worth to have been corrected
  -- since: a movement of its own, named after the event and the repetition.
  select count(*) into v_earlier from app_public.mrr_movements m
  where m.account = settle_account_mrr.account
    and (m.source_event_id = settle_account_mrr.source_event_id
      or starts_with(m.source_event_id, settle_account_mrr.source_event_id || '#'));
  insert into app_public.mrr_movements as m
    (account, brand_id, subscription_id, occurred_at, kind, delta_usd_minor, before_usd_minor, after_usd_minor, is_transfer, source_event_id,
     created_at)
  values (
    settle_account_mrr.account, v_account.brand_id, settle_account_mrr.subscription_id, settle_account_mrr.occurred_at,
    case
      when v_account.mrr_usd_minor = 0 and v_account.ever_paid then 'reactivation'::app_public.mrr_movement_kind
      when v_account.mrr_usd_minor = 0 then 'new'
      when v_after = 0 then 'churn'
      when v_after > v_account.mrr_usd_minor then 'expansion'
      else 'contraction'
    end,
    v_after - v_account.mrr_usd_minor, v_account.mrr_usd_minor, v_after, settle_account_mrr.is_transfer,
    settle_account_mrr.source_event_id || case when v_earlier > 0 then '#' || v_earlier + 1 else '' end,
    -- Several events may share a transaction; under the lock this is their order.
    clock_timestamp()
  );
end
$$;
revoke execute on function app_private.settle_account_mrr(text, text, timestamptz, text, boolean) from public;
comment on function app_private.settle_account_mrr(text, text, timestamptz, text, boolean) is
  'Sets the MRR of an account to the sum of its subscriptions and appends the one net movement of this event.';

-- Whether an event told of a subscription that pays: of a status that counts,
-- with something in it that costs.
drop function if exists app_private.stripe_subscription_pays(jsonb);
create function app_private.stripe_subscription_pays(object jsonb) returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(stripe_subscription_pays.object ->> 'status' in ('active', 'past_due'), false) and exists (
    select 1
    from jsonb_array_elements(case when jsonb_array_length(coalesce(stripe_subscription_pays.object #> '{items,data}', '[]')) > 0
      then stripe_subscription_pays.object #> '{items,data}' else jsonb_build_array(stripe_subscription_pays.object) end) i
    cross join lateral (select case when jsonb_typeof(i -> 'price') = 'object' then i -> 'price'
      when jsonb_typeof(i -> 'plan') = 'object' then i -> 'plan' end as price) p
    where coalesce((i ->> 'quantity')::numeric, 1) > 0
      and (p.price is null
        or (coalesce(p.price #>> '{recurring,usage_type}', p.price ->> 'usage_type', 'licensed') <> 'metered'
          and coalesce(p.price ->> 'type', 'recurring') = 'recurring'
          and (p.price ->> 'billing_scheme' = 'tiered' or coalesce(
            (p.price ->> 'unit_amount_decimal')::numeric, (p.price ->> 'unit_amount')::numeric,
            (p.price ->> 'amount_decimal')::numeric, (p.price ->> 'amount')::numeric, 1) <> 0)))
  )
$$;
revoke execute on function app_private.stripe_subscription_pays(jsonb) from public;
comment on function app_private.stripe_subscription_pays(jsonb) is 'Whether an event told of a subscription that pays.';

-- Since when it pays without a break, by the inbox: not by which of its events
-- happened to arrive first.
drop function if exists app_private.subscription_paid_since(text);
create function app_private.subscription_paid_since(subscription_id text) returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select min(t.created) from (
    select e.created,
      count(*) filter (where not app_private.stripe_subscription_pays(e.payload #> '{data,object}')) over (
        order by e.created desc, e.type = 'customer.subscription.deleted' desc,
          e.payload #>> '{data,object,status}' in ('canceled', 'incomplete_expired') desc, e.id collate "C" desc
      ) as breaks
    from app_public.stripe_events e
    join app_public.stripe_subscriptions s on s.id = e.object_id and e.created <= s.last_event_created
    where e.object_id = subscription_paid_since.subscription_id and e.type like 'customer.subscription.%' and e.status <> 'ignored'
      and e.livemode = coalesce((select (x.value #>> '{}')::boolean from app_private.settings x where x.key = 'stripe_livemode'), false)
  ) t
  where t.breaks = 0
$$;
revoke execute on function app_private.subscription_paid_since(text) from public;
comment on function app_private.subscription_paid_since(text) is 'When the present run of paying events of a subscription began; null when the inbox does not say.';

-- At the end of an event, first: what every touched subscription is worth now.
-- Deferred, so that a change of plan (one item out, another in) is one net
-- change and not a contraction and an expansion.
create or replace function app_private.tg_stripe_subscriptions__mrr() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id text;
  v_subscription app_public.stripe_subscriptions;
  v_mrr record;
  v_usd bigint := 0;
  v_rate numeric;
  v_rate_date date;
  v_since date;
  v_exponent integer;
  v_state app_public.mrr_state;
  v_note text;
begin
  if TG_TABLE_NAME = 'stripe_subscription_items' then
    v_id := case when TG_OP = 'DELETE' then OLD.subscription_id else NEW.subscription_id end;
  else
    v_id := case when TG_OP = 'DELETE' then OLD.id else NEW.id end;
  end if;
  select * into v_subscription from app_public.stripe_subscriptions s where s.id = v_id for update;
  if not found then
    return null;
  end if;
  select * into v_mrr from app_private.subscription_mrr_minor(v_id);
  v_state := case when v_mrr.note is null then 'ok'::app_public.mrr_state else 'needs_review' end;
  v_note := v_mrr.note;
  if v_mrr.mrr_minor > 0 then
    select c.exponent into v_exponent from app_public.currencies c where c.code = v_subscription.currency;
    if v_subscription.mrr_minor > 0 and v_subscription.fx_rate is not null then
      v_rate := v_subscription.fx_rate;
      v_rate_date := v_subscription.fx_date;
    elsif v_subscription.currency = 'usd' then
      v_rate := 1;
    else
      v_since := (coalesce(app_private.subscription_paid_since(v_id), v_subscription.last_event_created) at time zone 'UTC')::date;
      select f.usd_per_unit, f.rate_date into v_rate, v_rate_date from app_public.fx_rates f
      where f.currency = v_subscription.currency and f.rate_date <= v_since
      order by f.rate_date desc limit 1;
    end if;
    if v_rate is null or v_exponent is null then
      v_state := 'needs_review';
      v_note := 'There is no exchange rate for ' || v_subscription.currency || coalesce(' at ' || v_since, '');
      v_mrr.mrr_minor := 0;
    else
      v_usd := round(v_mrr.mrr_minor * v_rate * 100 / power(10::numeric, v_exponent));
    end if;
  end if;
  update app_public.stripe_subscriptions s
  set mrr_minor = v_mrr.mrr_minor, mrr_usd_minor = v_usd, mrr_state = v_state, mrr_note = v_note,
    fx_rate = v_rate, fx_date = v_rate_date
  where s.id = v_id
    and (s.mrr_minor, s.mrr_usd_minor, s.mrr_state, s.mrr_note, s.fx_rate, s.fx_date)
      is distinct from (v_mrr.mrr_minor, v_usd, v_state, v_note, v_rate, v_rate_date);
  return null;
end
$$;
revoke execute on function app_private.tg_stripe_subscriptions__mrr() from public;
comment on function app_private.tg_stripe_subscriptions__mrr() is 'At the end of an event: MRR of the touched subscription.';

-- Then: what that moves. By now every subscription that the event touched has its
-- new amount, so the first one of an account settles them all: one net movement.
create or replace function app_private.tg_stripe_subscriptions__account() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id text := case when TG_OP = 'DELETE' then OLD.id else NEW.id end;
  v_subscription app_public.stripe_subscriptions;
  v_event text := coalesce(nullif(current_setting('stripe.event_id', true), ''), 'manual:' || app_private.uuid_v7());
  v_at timestamptz := coalesce(nullif(current_setting('stripe.event_created', true), '')::timestamptz, now());
  v_customers text[];
  v_customer text;
  v_account text;
begin
  select * into v_subscription from app_public.stripe_subscriptions s where s.id = v_id;
  -- What an older event (of a price, a coupon) tells us late did not happen
  -- before the subscription was as it is.
  v_at := greatest(v_at, v_subscription.last_event_created);
  select array_agg(distinct x order by x) into v_customers
  from unnest(array[v_subscription.customer_id, OLD.customer_id]) x where x is not null;
  foreach v_customer in array v_customers loop
    perform app_private.lock_stripe_customer(v_customer);
  end loop;
  -- The accounts of before and after, in the order of their names.
  for v_account in select distinct app_private.account_of_customer(x) from unnest(v_customers) x order by 1 loop
    perform app_private.settle_account_mrr(v_account, v_event, v_at, v_id, false);
  end loop;
  return null;
end
$$;
revoke execute on function app_private.tg_stripe_subscriptions__account() from public;
comment on function app_private.tg_stripe_subscriptions__account() is 'At the end of an event, after the subscriptions: MRR of their accounts, and the movements.';

drop trigger if exists _500_sub_mrr on app_public.stripe_subscriptions;
create constraint trigger _500_sub_mrr
  after insert or update of customer_id, status, currency, discounts, last_event_id on app_public.stripe_subscriptions
  deferrable initially deferred
  for each row execute function app_private.tg_stripe_subscriptions__mrr();
drop trigger if exists _500_sub_mrr on app_public.stripe_subscription_items;
create constraint trigger _500_sub_mrr
  after insert or update or delete on app_public.stripe_subscription_items
  deferrable initially deferred
  for each row execute function app_private.tg_stripe_subscriptions__mrr();
drop trigger if exists _600_account_mrr on app_public.stripe_subscriptions;
create constraint trigger _600_account_mrr
  after update of customer_id, mrr_usd_minor or delete on app_public.stripe_subscriptions
  deferrable initially deferred
  for each row execute function app_private.tg_stripe_subscriptions__account();

-- The end of an event, now: its errors are its own, and all subscriptions come
-- before all accounts.
drop function if exists app_private.settle_mrr();
create function app_private.settle_mrr() returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  set constraints app_public._500_sub_mrr immediate;
  set constraints all immediate;
  set constraints all deferred;
end
$$;
revoke execute on function app_private.settle_mrr() from public;
comment on function app_private.settle_mrr() is 'Reckons what was touched: subscriptions first, then accounts.';

create or replace trigger _900_append_only before update or delete on app_public.mrr_movements
  for each row execute function app_private.tg__append_only();
create or replace trigger _900_append_only_truncate before truncate on app_public.mrr_movements
  for each statement execute function app_private.tg__append_only();
--! EndIncluded functions/billing/mrr.sql
--! Included functions/billing/entitlements.sql
-- Prices say in their metadata what they grant: pro = true (shoppers),
-- monthly_credits = 500, dataset_access = aggregate|row, custom_models = true
-- (brands). A subscription grants while it is active, trialing or past due.
drop function if exists app_private.sync_entitlements(text);
create function app_private.sync_entitlements(subscription_id text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_subscription app_public.stripe_subscriptions;
  v_customer app_public.stripe_customers;
  v_entitled boolean;
  v_grant record;
  v_kinds app_public.subscription_grant_kind[] := '{}';
  v_at timestamptz := coalesce(nullif(current_setting('stripe.event_created', true), '')::timestamptz, now());
begin
  select * into v_subscription from app_public.stripe_subscriptions s where s.id = sync_entitlements.subscription_id;
  if not found then
    return;
  end if;
  select * into v_customer from app_public.stripe_customers c where c.id = v_subscription.customer_id;
  v_entitled := v_subscription.status in ('active', 'trialing', 'past_due');

  -- Nobody is linked yet, or somebody else: what stood for others ends.
  delete from app_public.subscription_grants g
  where g.subscription_id = v_subscription.id
    and (g.brand_id is distinct from v_customer.brand_id or g.user_id is distinct from v_customer.user_id);

  if v_customer.brand_id is not null or v_customer.user_id is not null then
    for v_grant in
      select k.kind, case when sum(k.amount) > 1000000000 then 1000000000 else sum(k.amount)::bigint end as amount, max(k.tier) as tier, string_agg(distinct p.id, ', ') as prices
      from app_public.stripe_subscription_items i
      join app_public.stripe_prices p on p.id = i.price_id
      cross join lateral (values
        ('pro'::app_public.subscription_grant_kind, p.metadata ->> 'pro' = 'true' and v_customer.user_id is not null, null::bigint, null::text),
        ('monthly_credits', p.metadata ->> 'monthly_credits' ~ '^[1-9][0-9]{0,8}$' and v_customer.brand_id is not null,
          case when p.metadata ->> 'monthly_credits' ~ '^[1-9][0-9]{0,8}$'
            then least((p.metadata ->> 'monthly_credits')::bigint * coalesce(i.quantity, 1), 1000000000) end, null),
        ('dataset_access', p.metadata ->> 'dataset_access' in ('aggregate', 'row') and v_customer.brand_id is not null, null, p.metadata ->> 'dataset_access'),
        ('custom_models', p.metadata ->> 'custom_models' = 'true' and v_customer.brand_id is not null, null, null)
      ) k (kind, given, amount, tier)
      where i.subscription_id = v_subscription.id and k.given and coalesce(k.amount, 1) > 0
      group by k.kind
    loop
      v_kinds := v_kinds || v_grant.kind;
      insert into app_public.subscription_grants as g
        (subscription_id, kind, brand_id, user_id, active, amount, tier, why)
      values
        (v_subscription.id, v_grant.kind, v_customer.brand_id, v_customer.user_id, v_entitled, v_grant.amount, v_grant.tier,
         'Price ' || v_grant.prices || ', subscription ' || v_subscription.status)
      on conflict on constraint subscription_grants_pkey do update
        set active = excluded.active, amount = excluded.amount, tier = excluded.tier, why = excluded.why,
          since = case when g.active is distinct from excluded.active then now() else g.since end;
    end loop;
    update app_public.subscription_grants g
    set active = false, since = now(), why = 'No price of the subscription grants it any more'
    where g.subscription_id = v_subscription.id and g.active and not g.kind = any (v_kinds);
  end if;

  perform app_private.sync_pro(v_subscription.id, v_customer.user_id);

  -- Credits of the month of the event, once per period of the subscription; of no
  -- month that is over: a load of old events gives nothing. The daily task gives
  -- what still runs.
  for v_grant in
    select g.amount, g.brand_id from app_public.subscription_grants g
    where g.subscription_id = v_subscription.id and g.kind = 'monthly_credits' and g.active
  loop
    perform app_private.grant_subscription_month(v_subscription.id, v_grant.brand_id, v_grant.amount, v_at);
  end loop;
end
$$;
revoke execute on function app_private.sync_entitlements(text) from public;
comment on function app_private.sync_entitlements(text) is 'Derives what a subscription grants from its status and its prices, and puts it into effect.';

-- Pro of a shopper, for as long as this subscription grants it, where nothing
-- else gives it: staff may have given a time, another subscription an open one.
drop function if exists app_private.sync_pro(text, uuid);
create function app_private.sync_pro(subscription_id text, user_id uuid) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_source text := 'subscription ' || sync_pro.subscription_id;
  v_granted boolean := exists (
    select 1 from app_public.subscription_grants g
    where g.subscription_id = sync_pro.subscription_id and g.kind = 'pro' and g.active and g.user_id = sync_pro.user_id
  );
  v_people uuid[];
  v_other record;
begin
  -- What is no longer granted, or was granted to another person, ends now.
  select array_agg(distinct e.user_id) into v_people from app_public.user_entitlements e
  where e.source = v_source and (upper_inf(e.period) or upper(e.period) > now()) and not (v_granted and e.user_id = sync_pro.user_id);
  delete from app_public.user_entitlements e
  where e.source = v_source and e.user_id = any (v_people) and lower(e.period) >= now();
  update app_public.user_entitlements e set period = tstzrange(lower(e.period), now())
  where e.source = v_source and e.user_id = any (v_people) and (upper_inf(e.period) or upper(e.period) > now());
  if v_granted then
    insert into app_public.user_entitlements (user_id, kind, period, source)
    select sync_pro.user_id, 'pro_unlimited', open.period, v_source
    from unnest(tstzmultirange(tstzrange(now(), null)) - coalesce((
      select range_agg(e.period) from app_public.user_entitlements e
      where e.user_id = sync_pro.user_id and e.kind = 'pro_unlimited'
    ), tstzmultirange())) open (period);
  end if;
  -- Another subscription of a person who has just lost this one takes over.
  for v_other in
    select g.subscription_id, g.user_id from app_public.subscription_grants g
    where g.user_id = any (v_people) and g.kind = 'pro' and g.active and g.subscription_id <> sync_pro.subscription_id
    order by g.subscription_id
  loop
    perform app_private.sync_pro(v_other.subscription_id, v_other.user_id);
  end loop;
end
$$;
revoke execute on function app_private.sync_pro(text, uuid) from public;
comment on function app_private.sync_pro(text, uuid) is 'Opens or ends the pro entitlement that a subscription grants.';

-- Monthly credits of a brand's plan, anchored on the start of the subscription;
-- they end with the month, like the free ones of a shopper.
drop function if exists app_private.grant_subscription_month(text, uuid, bigint, timestamptz);
create function app_private.grant_subscription_month(subscription_id text, brand_id uuid, amount bigint, as_of timestamptz) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_started timestamptz;
  v_month record;
begin
  select coalesce(s.started_at, s.created_at) into v_started from app_public.stripe_subscriptions s
  where s.id = grant_subscription_month.subscription_id;
  select * into v_month from app_private.credit_month(v_started, greatest(grant_subscription_month.as_of, v_started));
  if v_month.period_end <= now() then
    return false;
  end if;
  return app_private.add_grant(
    null, grant_subscription_month.brand_id, 'subscription', grant_subscription_month.amount,
    greatest(v_month.period_start, v_started), v_month.period_end,
    -- Two plans of one brand may share a day: the period tells them apart by a microsecond of their name.
    v_month.period_start + make_interval(secs => (hashtext(grant_subscription_month.subscription_id) & 65535) / 1000000.0),
    'Plan ' || grant_subscription_month.subscription_id
  ) is not null;
end
$$;
revoke execute on function app_private.grant_subscription_month(text, uuid, bigint, timestamptz) from public;
comment on function app_private.grant_subscription_month(text, uuid, bigint, timestamptz) is 'The credits of the month of as_of that a plan grants its brand, once.';

drop function if exists app_private.grant_due_subscriptions(timestamptz);
create function app_private.grant_due_subscriptions(as_of timestamptz default now()) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_grant record;
  v_count integer := 0;
begin
  for v_grant in
    select g.subscription_id, g.brand_id, g.amount from app_public.subscription_grants g
    where g.kind = 'monthly_credits' and g.active
    -- Wallets in one order for everybody.
    order by (select a.id from app_public.credit_accounts a where a.owner_brand_id = g.brand_id and a.kind = 'available'), g.subscription_id
  loop
    if app_private.grant_subscription_month(v_grant.subscription_id, v_grant.brand_id, v_grant.amount, grant_due_subscriptions.as_of) then
      v_count := v_count + 1;
    end if;
  end loop;
  return v_count;
end
$$;
revoke execute on function app_private.grant_due_subscriptions(timestamptz) from public;
grant execute on function app_private.grant_due_subscriptions(timestamptz) to :ROLE_WORKER;
comment on function app_private.grant_due_subscriptions(timestamptz) is 'Gives brands the credits of their plans for the month of as_of; returns how many were given. Safe to repeat.';
--! EndIncluded functions/billing/entitlements.sql
--! Included functions/billing/apply.sql
-- What an event does to the mirror, one function per kind of object. Parsed by
-- what is present, because three generations of the API write the same thing in
-- three places. Each answers 'processed', or 'ignored_stale' when the mirror
-- already knows something newer.

drop function if exists app_private.stripe_time(jsonb);
create function app_private.stripe_time(seconds jsonb) returns timestamptz
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case when jsonb_typeof(stripe_time.seconds) = 'number' then to_timestamp((stripe_time.seconds #>> '{}')::double precision) end
$$;
revoke execute on function app_private.stripe_time(jsonb) from public;
comment on function app_private.stripe_time(jsonb) is 'Stripe''s seconds as a time; null for anything else.';

-- An id, given as text or as the object itself (expanded).
drop function if exists app_private.stripe_id(jsonb);
create function app_private.stripe_id(reference jsonb) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case jsonb_typeof(stripe_id.reference)
    when 'string' then stripe_id.reference #>> '{}'
    when 'object' then stripe_id.reference ->> 'id'
  end
$$;
revoke execute on function app_private.stripe_id(jsonb) from public;
comment on function app_private.stripe_id(jsonb) is 'The id of a reference, expanded or not.';

-- Newer wins; within one second the greater id, so that any order of arrival
-- ends the same.
drop function if exists app_private.is_newer(timestamptz, text, timestamptz, text);
create function app_private.is_newer(created timestamptz, event_id text, known timestamptz, known_id text) returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select is_newer.known is null or is_newer.created > is_newer.known
    or (is_newer.created = is_newer.known and is_newer.event_id collate "C" >= coalesce(is_newer.known_id, '') collate "C")
$$;
revoke execute on function app_private.is_newer(timestamptz, text, timestamptz, text) from public;
comment on function app_private.is_newer(timestamptz, text, timestamptz, text) is 'Whether an event says something newer than what is known.';

drop function if exists app_private.keep_stripe_raw(jsonb, timestamptz);
create function app_private.keep_stripe_raw(object jsonb, created timestamptz) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into app_private.stripe_raw as r (id, object, event_created)
  values (keep_stripe_raw.object ->> 'id', keep_stripe_raw.object, keep_stripe_raw.created)
  on conflict on constraint stripe_raw_pkey do update
    set object = excluded.object, event_created = excluded.event_created, updated_at = now()
    where r.event_created <= excluded.event_created
$$;
revoke execute on function app_private.keep_stripe_raw(jsonb, timestamptz) from public;
comment on function app_private.keep_stripe_raw(jsonb, timestamptz) is 'Keeps the body of an object as it was last sent.';

drop function if exists app_private.apply_stripe_coupon(jsonb, timestamptz, text);
create function app_private.apply_stripe_coupon(object jsonb, created timestamptz, event_id text) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into app_public.stripe_coupons as c
    (id, percent_off, amount_off, currency, duration, name, last_event_created, last_event_id)
  select apply_stripe_coupon.object ->> 'id', (apply_stripe_coupon.object ->> 'percent_off')::numeric,
    (apply_stripe_coupon.object ->> 'amount_off')::bigint, lower(apply_stripe_coupon.object ->> 'currency'),
    coalesce(apply_stripe_coupon.object ->> 'duration', 'once'), apply_stripe_coupon.object ->> 'name',
    apply_stripe_coupon.created, apply_stripe_coupon.event_id
  where jsonb_typeof(apply_stripe_coupon.object) = 'object' and apply_stripe_coupon.object ->> 'id' is not null
  on conflict on constraint stripe_coupons_pkey do update
    set percent_off = excluded.percent_off, amount_off = excluded.amount_off, currency = excluded.currency,
      duration = excluded.duration, name = excluded.name,
      last_event_created = excluded.last_event_created, last_event_id = excluded.last_event_id
    where app_private.is_newer(excluded.last_event_created, excluded.last_event_id, c.last_event_created, c.last_event_id)
$$;
revoke execute on function app_private.apply_stripe_coupon(jsonb, timestamptz, text) from public;
comment on function app_private.apply_stripe_coupon(jsonb, timestamptz, text) is 'Mirrors a coupon, from its own event or from inside another object.';

drop function if exists app_private.apply_stripe_discount(jsonb, timestamptz, text, boolean);
create function app_private.apply_stripe_discount(object jsonb, created timestamptz, event_id text, gone boolean default false) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_coupon jsonb := coalesce(apply_stripe_discount.object -> 'coupon', apply_stripe_discount.object #> '{source,coupon}');
begin
  if jsonb_typeof(apply_stripe_discount.object) <> 'object' then
    return;
  end if;
  perform app_private.apply_stripe_coupon(v_coupon, apply_stripe_discount.created, apply_stripe_discount.event_id);
  insert into app_public.stripe_discounts as d
    (id, coupon_id, customer_id, subscription_id, starts_at, ends_at, deleted, last_event_created, last_event_id)
  select apply_stripe_discount.object ->> 'id', app_private.stripe_id(v_coupon),
    app_private.stripe_id(apply_stripe_discount.object -> 'customer'),
    app_private.stripe_id(apply_stripe_discount.object -> 'subscription'),
    app_private.stripe_time(apply_stripe_discount.object -> 'start'), app_private.stripe_time(apply_stripe_discount.object -> 'end'),
    apply_stripe_discount.gone, apply_stripe_discount.created, apply_stripe_discount.event_id
  where apply_stripe_discount.object ->> 'id' is not null
  on conflict on constraint stripe_discounts_pkey do update
    set coupon_id = coalesce(excluded.coupon_id, d.coupon_id), customer_id = excluded.customer_id,
      subscription_id = excluded.subscription_id, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
      deleted = excluded.deleted, last_event_created = excluded.last_event_created, last_event_id = excluded.last_event_id
    where app_private.is_newer(excluded.last_event_created, excluded.last_event_id, d.last_event_created, d.last_event_id);
  if not found then
    -- Older than what is known, but the newer one named no coupon.
    update app_public.stripe_discounts d set coupon_id = app_private.stripe_id(v_coupon)
    where d.id = apply_stripe_discount.object ->> 'id' and d.coupon_id is null;
  end if;
end
$$;
revoke execute on function app_private.apply_stripe_discount(jsonb, timestamptz, text, boolean) from public;
comment on function app_private.apply_stripe_discount(jsonb, timestamptz, text, boolean) is 'Mirrors a discount and the coupon inside it.';

drop function if exists app_private.apply_stripe_product(jsonb, timestamptz, text, boolean);
create function app_private.apply_stripe_product(object jsonb, created timestamptz, event_id text, gone boolean default false) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app_public.stripe_products as p (id, name, active, metadata, last_event_created, last_event_id)
  values (
    apply_stripe_product.object ->> 'id', coalesce(apply_stripe_product.object ->> 'name', ''),
    coalesce((apply_stripe_product.object ->> 'active')::boolean, true) and not apply_stripe_product.gone,
    coalesce(apply_stripe_product.object -> 'metadata', '{}'), apply_stripe_product.created, apply_stripe_product.event_id)
  on conflict on constraint stripe_products_pkey do update
    set name = excluded.name, active = excluded.active, metadata = excluded.metadata,
      last_event_created = excluded.last_event_created, last_event_id = excluded.last_event_id
    where app_private.is_newer(excluded.last_event_created, excluded.last_event_id, p.last_event_created, p.last_event_id);
  if not found then
    return 'ignored_stale';
  end if;
  perform app_private.keep_stripe_raw(apply_stripe_product.object, apply_stripe_product.created);
  return 'processed';
end
$$;
revoke execute on function app_private.apply_stripe_product(jsonb, timestamptz, text, boolean) from public;
comment on function app_private.apply_stripe_product(jsonb, timestamptz, text, boolean) is 'Mirrors a product.';

-- A price, or a plan of the old kind, which is a price with other names.
drop function if exists app_private.apply_stripe_price(jsonb, timestamptz, text, boolean);
create function app_private.apply_stripe_price(object jsonb, created timestamptz, event_id text, gone boolean default false) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_recurring jsonb := case when jsonb_typeof(apply_stripe_price.object -> 'recurring') = 'object'
    then apply_stripe_price.object -> 'recurring' end;
  v_is_plan boolean := apply_stripe_price.object ->> 'object' = 'plan';
  v_before app_public.stripe_prices;
  v_after app_public.stripe_prices;
begin
  select * into v_before from app_public.stripe_prices p where p.id = apply_stripe_price.object ->> 'id';
  insert into app_public.stripe_prices as p
    (id, product_id, active, type, currency, unit_amount_decimal, billing_scheme, usage_type, interval, interval_count,
     tiers, tiers_mode, transform_quantity, metadata, last_event_created, last_event_id)
  values (
    apply_stripe_price.object ->> 'id', app_private.stripe_id(apply_stripe_price.object -> 'product'),
    coalesce((apply_stripe_price.object ->> 'active')::boolean, true) and not apply_stripe_price.gone,
    case when v_is_plan then 'recurring' else coalesce(apply_stripe_price.object ->> 'type',
      case when v_recurring is null then 'one_time' else 'recurring' end) end,
    lower(coalesce(apply_stripe_price.object ->> 'currency', '')),
    coalesce(
      (apply_stripe_price.object ->> 'unit_amount_decimal')::numeric, (apply_stripe_price.object ->> 'unit_amount')::numeric,
      (apply_stripe_price.object ->> 'amount_decimal')::numeric, (apply_stripe_price.object ->> 'amount')::numeric),
    coalesce(apply_stripe_price.object ->> 'billing_scheme', 'per_unit'),
    coalesce(v_recurring ->> 'usage_type', apply_stripe_price.object ->> 'usage_type', 'licensed'),
    coalesce(v_recurring ->> 'interval', apply_stripe_price.object ->> 'interval'),
    coalesce((v_recurring ->> 'interval_count')::integer, (apply_stripe_price.object ->> 'interval_count')::integer),
    case when jsonb_typeof(apply_stripe_price.object -> 'tiers') = 'array' then apply_stripe_price.object -> 'tiers' end,
    apply_stripe_price.object ->> 'tiers_mode',
    coalesce(
      case when jsonb_typeof(apply_stripe_price.object -> 'transform_quantity') = 'object' then apply_stripe_price.object -> 'transform_quantity' end,
      case when jsonb_typeof(apply_stripe_price.object -> 'transform_usage') = 'object' then apply_stripe_price.object -> 'transform_usage' end),
    case when jsonb_typeof(apply_stripe_price.object -> 'metadata') = 'object' then apply_stripe_price.object -> 'metadata' else '{}' end,
    apply_stripe_price.created, apply_stripe_price.event_id)
  on conflict on constraint stripe_prices_pkey do update
    set product_id = excluded.product_id, active = excluded.active, type = excluded.type, currency = excluded.currency,
      unit_amount_decimal = excluded.unit_amount_decimal, billing_scheme = excluded.billing_scheme,
      usage_type = excluded.usage_type, interval = excluded.interval, interval_count = excluded.interval_count,
      -- Tiers are sent only to who asks for them: their absence does not delete them.
      tiers = coalesce(excluded.tiers, p.tiers), tiers_mode = excluded.tiers_mode,
      transform_quantity = excluded.transform_quantity, metadata = excluded.metadata,
      last_event_created = excluded.last_event_created, last_event_id = excluded.last_event_id
    where app_private.is_newer(excluded.last_event_created, excluded.last_event_id, p.last_event_created, p.last_event_id)
  returning * into v_after;
  if v_after.id is null then
    -- Older than what is known. But a price never changes its tiers, and the copy
    -- inside a subscription comes without them.
    update app_public.stripe_prices p
    set tiers = apply_stripe_price.object -> 'tiers', tiers_mode = coalesce(p.tiers_mode, apply_stripe_price.object ->> 'tiers_mode')
    where p.id = v_before.id and p.tiers is null and jsonb_typeof(apply_stripe_price.object -> 'tiers') = 'array'
    returning * into v_after;
    if v_after.id is null then
      return 'ignored_stale';
    end if;
  else
    perform app_private.keep_stripe_raw(apply_stripe_price.object, apply_stripe_price.created);
  end if;
  -- Subscriptions that use it are worth something else now, or can be told at
  -- last. Only then: every event of a subscription carries its prices.
  if (v_before.type, v_before.currency, v_before.unit_amount_decimal, v_before.billing_scheme, v_before.usage_type, v_before.interval,
      v_before.interval_count, v_before.tiers, v_before.tiers_mode, v_before.transform_quantity, v_before.metadata)
    is distinct from (v_after.type, v_after.currency, v_after.unit_amount_decimal, v_after.billing_scheme, v_after.usage_type,
      v_after.interval, v_after.interval_count, v_after.tiers, v_after.tiers_mode, v_after.transform_quantity, v_after.metadata) then
    update app_public.stripe_subscriptions s set last_event_id = s.last_event_id
    where s.id in (
      select i.subscription_id from app_public.stripe_subscription_items i where i.price_id = apply_stripe_price.object ->> 'id'
    );
    if v_before.metadata is distinct from v_after.metadata then
      perform app_private.sync_entitlements(x.subscription_id)
      from (
        select distinct i.subscription_id from app_public.stripe_subscription_items i
        where i.price_id = apply_stripe_price.object ->> 'id' order by 1
      ) x;
    end if;
  end if;
  return 'processed';
end
$$;
revoke execute on function app_private.apply_stripe_price(jsonb, timestamptz, text, boolean) from public;
comment on function app_private.apply_stripe_price(jsonb, timestamptz, text, boolean) is 'Mirrors a price (or a plan), and lets the subscriptions that use it be reckoned again.';

drop function if exists app_private.apply_stripe_customer(jsonb, timestamptz, text, boolean);
create function app_private.apply_stripe_customer(object jsonb, created timestamptz, event_id text, gone boolean default false) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id text := apply_stripe_customer.object ->> 'id';
  v_brand text := apply_stripe_customer.object #>> '{metadata,brand_id}';
  v_user text := apply_stripe_customer.object #>> '{metadata,user_id}';
  v_known app_public.stripe_customers;
  v_brand_id uuid;
  v_user_id uuid;
  v_stale boolean;
begin
  -- Our own checkout writes the id into the metadata. Anybody with access to the
  -- Stripe account may write there, so only ids that exist are believed, and a
  -- link that stands is never changed by an event.
  if v_brand ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then
    select b.id into v_brand_id from app_public.brand_accounts b where b.id = v_brand::uuid;
  end if;
  if v_brand_id is null and v_user ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then
    select u.id into v_user_id from app_public.users u where u.id = v_user::uuid and u.status <> 'erased';
  end if;
  insert into app_public.stripe_customers (id) values (v_id) on conflict do nothing;
  select * into strict v_known from app_public.stripe_customers c where c.id = v_id for update;
  v_stale := not app_private.is_newer(
    apply_stripe_customer.created, apply_stripe_customer.event_id, v_known.last_event_created, v_known.last_event_id);
  -- An old event may still say whose the customer is: the order of arrival must
  -- not decide.
  if v_known.brand_id is null and v_known.user_id is null and (v_brand_id is not null or v_user_id is not null) then
    perform app_private.move_customer(v_id, v_brand_id, v_user_id, apply_stripe_customer.event_id, apply_stripe_customer.created);
  end if;
  if v_stale then
    return 'ignored_stale';
  end if;
  update app_public.stripe_customers c
  set email = lower(apply_stripe_customer.object ->> 'email'), name = apply_stripe_customer.object ->> 'name',
    currency = lower(apply_stripe_customer.object ->> 'currency'),
    deleted = apply_stripe_customer.gone or coalesce((apply_stripe_customer.object ->> 'deleted')::boolean, false),
    created = app_private.stripe_time(apply_stripe_customer.object -> 'created'),
    last_event_created = apply_stripe_customer.created, last_event_id = apply_stripe_customer.event_id
  where c.id = v_id;
  perform app_private.keep_stripe_raw(apply_stripe_customer.object, apply_stripe_customer.created);
  return 'processed';
end
$$;
revoke execute on function app_private.apply_stripe_customer(jsonb, timestamptz, text, boolean) from public;
comment on function app_private.apply_stripe_customer(jsonb, timestamptz, text, boolean) is 'Mirrors a customer, and links it to the brand or person its metadata names, once.';

drop function if exists app_private.lock_stripe_customer(text);
create function app_private.lock_stripe_customer(customer_id text) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select pg_advisory_xact_lock(hashtextextended('stripe-customer:' || lock_stripe_customer.customer_id, 0))
$$;
revoke execute on function app_private.lock_stripe_customer(text) from public;
comment on function app_private.lock_stripe_customer(text) is 'Makes linking a customer and reckoning its subscriptions wait for each other, also while there is no row of the customer.';

-- Links a customer; its money follows. Both accounts get a movement marked as a
-- transfer: nothing was won or lost.
drop function if exists app_private.move_customer(text, uuid, uuid, text, timestamptz);
create function app_private.move_customer(customer_id text, brand_id uuid, user_id uuid, event_id text, at timestamptz) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_before text;
  v_after text;
  v_account text;
  v_at timestamptz;
begin
  -- A subscription of this customer that is being reckoned now waits, or we do:
  -- else its money would go to the account that the customer has just left.
  perform app_private.lock_stripe_customer(move_customer.customer_id);
  v_before := app_private.account_of_customer(move_customer.customer_id);
  update app_public.stripe_customers c
  set brand_id = move_customer.brand_id, user_id = move_customer.user_id
  where c.id = move_customer.customer_id;
  v_after := app_private.account_of_customer(move_customer.customer_id);
  if v_after = v_before then
    return;
  end if;
  -- Not before the money came: the account that is left would be below zero for a while.
  select greatest(move_customer.at, max(m.occurred_at)) into v_at from app_public.mrr_movements m where m.account = v_before;
  for v_account in select x from unnest(array[v_before, v_after]) x order by 1 loop
    perform app_private.settle_account_mrr(v_account, 'link:' || move_customer.event_id, v_at, null, true);
  end loop;
  perform app_private.sync_entitlements(s.id)
  from app_public.stripe_subscriptions s where s.customer_id = move_customer.customer_id;
end
$$;
revoke execute on function app_private.move_customer(text, uuid, uuid, text, timestamptz) from public;
comment on function app_private.move_customer(text, uuid, uuid, text, timestamptz) is 'Links a customer to a brand, a person or nobody, and moves its MRR and what it grants.';

drop function if exists app_private.apply_stripe_subscription(jsonb, timestamptz, text, text, text);
create function app_private.apply_stripe_subscription(
  object jsonb, created timestamptz, event_id text, event_type text, api_version text
) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id text := apply_stripe_subscription.object ->> 'id';
  v_status text := apply_stripe_subscription.object ->> 'status';
  v_deleted boolean := apply_stripe_subscription.event_type = 'customer.subscription.deleted';
  v_known app_public.stripe_subscriptions;
  v_terminal constant text[] := '{canceled,incomplete_expired}';
  v_discounts jsonb;
  v_discount jsonb;
  v_item jsonb;
  v_items jsonb := coalesce(apply_stripe_subscription.object #> '{items,data}', '[]');
begin
  -- The row that two events of one subscription wait on, also for the first two.
  perform pg_advisory_xact_lock(hashtextextended('stripe:' || v_id, 0));
  perform app_private.lock_stripe_customer(app_private.stripe_id(apply_stripe_subscription.object -> 'customer'));

  -- discounts[] of late versions, discount of early ones; ids unless expanded.
  v_discounts := case
    when jsonb_typeof(apply_stripe_subscription.object -> 'discounts') = 'array' then apply_stripe_subscription.object -> 'discounts'
    when jsonb_typeof(apply_stripe_subscription.object -> 'discount') in ('object', 'string')
      then jsonb_build_array(apply_stripe_subscription.object -> 'discount')
    else '[]'
  end;
  -- Subscriptions of before there were items have their plan and quantity on top.
  if jsonb_array_length(v_items) = 0 and jsonb_typeof(apply_stripe_subscription.object -> 'plan') = 'object' then
    v_items := jsonb_build_array(jsonb_build_object(
      'id', v_id || ':plan', 'plan', apply_stripe_subscription.object -> 'plan',
      'quantity', apply_stripe_subscription.object -> 'quantity'));
  end if;
  -- What is inside it has an order of its own: mirrored also when the
  -- subscription is known better, or the order of arrival would decide.
  for v_discount in
    select d from jsonb_array_elements(v_discounts) d where jsonb_typeof(d) = 'object'
    union all
    select d from jsonb_array_elements(v_items) x
      cross join lateral jsonb_array_elements(case when jsonb_typeof(x -> 'discounts') = 'array' then x -> 'discounts' else '[]' end) d
    where jsonb_typeof(d) = 'object'
  loop
    perform app_private.apply_stripe_discount(v_discount, apply_stripe_subscription.created, apply_stripe_subscription.event_id);
  end loop;
  for v_item in select x from jsonb_array_elements(v_items) x loop
    if jsonb_typeof(v_item -> 'price') = 'object' or jsonb_typeof(v_item -> 'plan') = 'object' then
      perform app_private.apply_stripe_price(
        case when jsonb_typeof(v_item -> 'price') = 'object' then v_item -> 'price' else v_item -> 'plan' end,
        apply_stripe_subscription.created, apply_stripe_subscription.event_id);
    end if;
  end loop;

  select * into v_known from app_public.stripe_subscriptions s where s.id = v_id for update;
  -- The newer wins. One second may hold several events: a deletion wins, then a
  -- last status, then the greater id. Any order of arrival ends the same.
  if found and (apply_stripe_subscription.created, v_deleted, v_status = any (v_terminal), apply_stripe_subscription.event_id collate "C")
    < (v_known.last_event_created, v_known.last_event_deleted, v_known.status = any (v_terminal), v_known.last_event_id collate "C") then
    update app_public.stripe_subscriptions s
    set needs_refetch = s.needs_refetch or apply_stripe_subscription.created = s.last_event_created,
      -- It may say that the subscription began to pay, or paused, at another
      -- time than we thought: the exchange rate is looked up again.
      fx_rate = case when s.currency = 'usd' then s.fx_rate end, last_event_id = s.last_event_id
    where s.id = v_id;
    return 'ignored_stale';
  end if;

  insert into app_public.stripe_subscriptions as s
    (id, customer_id, status, cancel_at_period_end, cancel_at, canceled_at, ended_at, started_at, trial_end, pause_collection,
     currency, discounts, api_version, last_event_created, last_event_id, last_event_deleted, needs_refetch)
  values (
    v_id, app_private.stripe_id(apply_stripe_subscription.object -> 'customer'), v_status,
    coalesce((apply_stripe_subscription.object ->> 'cancel_at_period_end')::boolean, false),
    app_private.stripe_time(apply_stripe_subscription.object -> 'cancel_at'),
    app_private.stripe_time(apply_stripe_subscription.object -> 'canceled_at'),
    app_private.stripe_time(apply_stripe_subscription.object -> 'ended_at'),
    coalesce(app_private.stripe_time(apply_stripe_subscription.object -> 'start_date'),
      app_private.stripe_time(apply_stripe_subscription.object -> 'created')),
    app_private.stripe_time(apply_stripe_subscription.object -> 'trial_end'),
    case when jsonb_typeof(apply_stripe_subscription.object -> 'pause_collection') = 'object'
      then apply_stripe_subscription.object -> 'pause_collection' end,
    lower(coalesce(
      apply_stripe_subscription.object ->> 'currency', v_items #>> '{0,price,currency}', v_items #>> '{0,plan,currency}',
      apply_stripe_subscription.object #>> '{plan,currency}', 'usd')),
    v_discounts, apply_stripe_subscription.api_version, apply_stripe_subscription.created, apply_stripe_subscription.event_id,
    v_deleted, false)
  on conflict on constraint stripe_subscriptions_pkey do update
    set customer_id = excluded.customer_id, status = excluded.status, cancel_at_period_end = excluded.cancel_at_period_end,
      cancel_at = excluded.cancel_at, canceled_at = excluded.canceled_at, ended_at = excluded.ended_at,
      started_at = excluded.started_at, trial_end = excluded.trial_end, pause_collection = excluded.pause_collection,
      currency = excluded.currency, discounts = excluded.discounts, api_version = excluded.api_version,
      last_event_created = excluded.last_event_created, last_event_id = excluded.last_event_id,
      last_event_deleted = excluded.last_event_deleted,
      needs_refetch = excluded.last_event_created = s.last_event_created
        and (s.needs_refetch or excluded.last_event_id <> s.last_event_id);

  delete from app_public.stripe_subscription_items i
  where i.subscription_id = v_id
    and i.id not in (select x ->> 'id' from jsonb_array_elements(v_items) x);
  for v_item in select x from jsonb_array_elements(v_items) x loop
    insert into app_public.stripe_subscription_items
      (id, subscription_id, price_id, quantity, current_period_start, current_period_end, discounts)
    values (
      v_item ->> 'id', v_id, coalesce(app_private.stripe_id(v_item -> 'price'), app_private.stripe_id(v_item -> 'plan')),
      (v_item ->> 'quantity')::bigint,
      -- On the item since 2025-03-31, on the subscription before.
      coalesce(app_private.stripe_time(v_item -> 'current_period_start'),
        app_private.stripe_time(apply_stripe_subscription.object -> 'current_period_start')),
      coalesce(app_private.stripe_time(v_item -> 'current_period_end'),
        app_private.stripe_time(apply_stripe_subscription.object -> 'current_period_end')),
      case when jsonb_typeof(v_item -> 'discounts') = 'array' then v_item -> 'discounts' else '[]' end)
    on conflict on constraint stripe_subscription_items_pkey do update
      set subscription_id = excluded.subscription_id, price_id = excluded.price_id, quantity = excluded.quantity,
        current_period_start = excluded.current_period_start, current_period_end = excluded.current_period_end,
        discounts = excluded.discounts;
  end loop;
  perform app_private.keep_stripe_raw(apply_stripe_subscription.object, apply_stripe_subscription.created);
  perform app_private.sync_entitlements(v_id);
  return 'processed';
end
$$;
revoke execute on function app_private.apply_stripe_subscription(jsonb, timestamptz, text, text, text) from public;
comment on function app_private.apply_stripe_subscription(jsonb, timestamptz, text, text, text) is
  'Mirrors a subscription with its items, prices and discounts, unless something newer is known; then what it grants.';

drop function if exists app_private.apply_stripe_invoice(jsonb, timestamptz, text, boolean);
create function app_private.apply_stripe_invoice(object jsonb, created timestamptz, event_id text, gone boolean default false) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app_public.stripe_invoices as i
    (id, customer_id, subscription_id, number, status, billing_reason, currency, subtotal, discount, tax, total,
     amount_due, amount_paid, amount_remaining, period_start, period_end, created, due_date, paid_at, hosted_invoice_url,
     lines, deleted, last_event_created, last_event_id)
  select o ->> 'id', app_private.stripe_id(o -> 'customer'),
    -- On the parent since 2025-03-31, on top before.
    coalesce(app_private.stripe_id(o #> '{parent,subscription_details,subscription}'), app_private.stripe_id(o -> 'subscription')),
    o ->> 'number', o ->> 'status', o ->> 'billing_reason', lower(o ->> 'currency'),
    coalesce((o ->> 'subtotal')::bigint, 0),
    coalesce((select sum((d ->> 'amount')::bigint) from jsonb_array_elements(
      case when jsonb_typeof(o -> 'total_discount_amounts') = 'array' then o -> 'total_discount_amounts' else '[]' end) d), 0),
    coalesce(
      (select sum((t ->> 'amount')::bigint) from jsonb_array_elements(
        case when jsonb_typeof(o -> 'total_taxes') = 'array' then o -> 'total_taxes' end) t),
      (o ->> 'tax')::bigint, 0),
    coalesce((o ->> 'total')::bigint, 0), coalesce((o ->> 'amount_due')::bigint, 0),
    coalesce((o ->> 'amount_paid')::bigint, 0), coalesce((o ->> 'amount_remaining')::bigint, 0),
    app_private.stripe_time(o -> 'period_start'), app_private.stripe_time(o -> 'period_end'),
    app_private.stripe_time(o -> 'created'), app_private.stripe_time(o -> 'due_date'),
    app_private.stripe_time(o #> '{status_transitions,paid_at}'),
    case when o ->> 'hosted_invoice_url' ~ '^https://' then o ->> 'hosted_invoice_url' end,
    coalesce(o #> '{lines,data}', '[]'), apply_stripe_invoice.gone, apply_stripe_invoice.created, apply_stripe_invoice.event_id
  from (select apply_stripe_invoice.object as o) x
  on conflict on constraint stripe_invoices_pkey do update
    set customer_id = excluded.customer_id, subscription_id = excluded.subscription_id, number = excluded.number,
      status = excluded.status, billing_reason = excluded.billing_reason, currency = excluded.currency,
      subtotal = excluded.subtotal, discount = excluded.discount, tax = excluded.tax, total = excluded.total,
      amount_due = excluded.amount_due, amount_paid = excluded.amount_paid, amount_remaining = excluded.amount_remaining,
      period_start = excluded.period_start, period_end = excluded.period_end, created = excluded.created,
      due_date = excluded.due_date, paid_at = excluded.paid_at, hosted_invoice_url = excluded.hosted_invoice_url,
      lines = excluded.lines, deleted = excluded.deleted,
      last_event_created = excluded.last_event_created, last_event_id = excluded.last_event_id,
      needs_refetch = excluded.last_event_created = i.last_event_created
        and (i.needs_refetch or excluded.last_event_id <> i.last_event_id)
    where excluded.last_event_created > i.last_event_created
      -- Within one second: what is further on in the life of an invoice, then the greater id.
      or (excluded.last_event_created = i.last_event_created
        and (excluded.deleted, app_private.invoice_rank(excluded.status), excluded.last_event_id collate "C")
          >= (i.deleted, app_private.invoice_rank(i.status), i.last_event_id collate "C"));
  if not found then
    update app_public.stripe_invoices i set needs_refetch = true
    where i.id = apply_stripe_invoice.object ->> 'id' and i.last_event_created = apply_stripe_invoice.created and not i.needs_refetch;
    return 'ignored_stale';
  end if;
  perform app_private.keep_stripe_raw(apply_stripe_invoice.object, apply_stripe_invoice.created);
  return 'processed';
end
$$;
revoke execute on function app_private.apply_stripe_invoice(jsonb, timestamptz, text, boolean) from public;
comment on function app_private.apply_stripe_invoice(jsonb, timestamptz, text, boolean) is 'Mirrors an invoice.';

drop function if exists app_private.invoice_rank(text);
create function app_private.invoice_rank(status text) returns integer
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case invoice_rank.status when 'draft' then 0 when 'open' then 1 when 'uncollectible' then 2 when 'void' then 3 when 'paid' then 4 else -1 end
$$;
revoke execute on function app_private.invoice_rank(text) from public;
comment on function app_private.invoice_rank(text) is 'How far an invoice is: draft, open, uncollectible, void, paid.';

drop function if exists app_private.apply_stripe_refund(jsonb, timestamptz, text);
create function app_private.apply_stripe_refund(object jsonb, created timestamptz, event_id text) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app_public.stripe_refunds as r
    (id, customer_id, charge_id, payment_intent_id, invoice_id, amount, currency, status, reason, created, last_event_created, last_event_id)
  select o ->> 'id', app_private.stripe_id(o -> 'customer'), app_private.stripe_id(o -> 'charge'),
    app_private.stripe_id(o -> 'payment_intent'), app_private.stripe_id(o -> 'invoice'),
    coalesce((o ->> 'amount')::bigint, 0), lower(o ->> 'currency'), o ->> 'status', o ->> 'reason',
    app_private.stripe_time(o -> 'created'), apply_stripe_refund.created, apply_stripe_refund.event_id
  from (select apply_stripe_refund.object as o) x
  on conflict on constraint stripe_refunds_pkey do update
    set customer_id = coalesce(excluded.customer_id, r.customer_id), charge_id = excluded.charge_id,
      payment_intent_id = excluded.payment_intent_id, invoice_id = coalesce(excluded.invoice_id, r.invoice_id),
      amount = excluded.amount, currency = excluded.currency, status = excluded.status, reason = excluded.reason,
      created = excluded.created, last_event_created = excluded.last_event_created, last_event_id = excluded.last_event_id
    where app_private.is_newer(excluded.last_event_created, excluded.last_event_id, r.last_event_created, r.last_event_id);
  if found then
    return 'processed';
  end if;
  -- A refund inside a charge says whose it is; alone it does not.
  update app_public.stripe_refunds r
  set customer_id = coalesce(r.customer_id, app_private.stripe_id(apply_stripe_refund.object -> 'customer')),
    invoice_id = coalesce(r.invoice_id, app_private.stripe_id(apply_stripe_refund.object -> 'invoice'))
  where r.id = apply_stripe_refund.object ->> 'id' and (r.customer_id is null or r.invoice_id is null);
  return 'ignored_stale';
end
$$;
revoke execute on function app_private.apply_stripe_refund(jsonb, timestamptz, text) from public;
comment on function app_private.apply_stripe_refund(jsonb, timestamptz, text) is 'Mirrors a refund.';
--! EndIncluded functions/billing/apply.sql
--! Included functions/billing/process.sql
-- The inbox. Node verifies the signature and stores; everything else is here.
drop function if exists app_private.ingest_stripe_event(jsonb);
create function app_private.ingest_stripe_event(payload jsonb) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if jsonb_typeof(ingest_stripe_event.payload) is distinct from 'object'
    or ingest_stripe_event.payload ->> 'object' is distinct from 'event'
    or coalesce(ingest_stripe_event.payload ->> 'id', '') !~ '^evt_[A-Za-z0-9_]{1,200}$'
    or coalesce(ingest_stripe_event.payload ->> 'type', '') = ''
    or jsonb_typeof(ingest_stripe_event.payload -> 'created') is distinct from 'number'
    or (ingest_stripe_event.payload ->> 'created')::numeric not between 0 and 253402300799
    or jsonb_typeof(ingest_stripe_event.payload -> 'livemode') is distinct from 'boolean'
    or jsonb_typeof(ingest_stripe_event.payload #> '{data,object}') is distinct from 'object' then
    raise exception 'This is not an event of Stripe'
      using errcode = 'INVAL', column = 'payload', hint = 'Send the event as Stripe signed it';
  end if;
  insert into app_public.stripe_events as e (id, type, api_version, livemode, created, object_id, payload)
  values (
    ingest_stripe_event.payload ->> 'id', left(ingest_stripe_event.payload ->> 'type', 100),
    ingest_stripe_event.payload ->> 'api_version', (ingest_stripe_event.payload ->> 'livemode')::boolean,
    to_timestamp((ingest_stripe_event.payload ->> 'created')::double precision),
    ingest_stripe_event.payload #>> '{data,object,id}', ingest_stripe_event.payload)
  on conflict on constraint stripe_events_pkey do nothing;
  if found then
    return true;
  end if;
  update app_public.stripe_events e set duplicates = e.duplicates + 1 where e.id = ingest_stripe_event.payload ->> 'id';
  return false;
end
$$;
revoke execute on function app_private.ingest_stripe_event(jsonb) from public;
grant execute on function app_private.ingest_stripe_event(jsonb) to :ROLE_APP, :ROLE_WORKER;
comment on function app_private.ingest_stripe_event(jsonb) is 'Puts a verified event into the inbox: true when it is new, false when it came again (counted). INVAL when it is no event.';

-- What one event does. Called inside the transaction that marks it.
drop function if exists app_private.apply_stripe_event(app_public.stripe_events);
create function app_private.apply_stripe_event(event app_public.stripe_events) returns app_public.stripe_event_status
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_object jsonb := (apply_stripe_event.event).payload #> '{data,object}';
  v_type text := (apply_stripe_event.event).type;
  v_created timestamptz := (apply_stripe_event.event).created;
  v_id text := (apply_stripe_event.event).id;
  v_live boolean := coalesce((select (s.value #>> '{}')::boolean from app_private.settings s where s.key = 'stripe_livemode'), false);
  v_refund jsonb;
  v_result text;
begin
  if (apply_stripe_event.event).livemode <> v_live then
    return 'ignored';
  end if;
  if v_type like 'customer.subscription.%' then
    v_result := app_private.apply_stripe_subscription(v_object, v_created, v_id, v_type, (apply_stripe_event.event).api_version);
  elsif v_type in ('customer.discount.created', 'customer.discount.updated', 'customer.discount.deleted') then
    perform app_private.apply_stripe_discount(v_object, v_created, v_id, v_type like '%.deleted');
    update app_public.stripe_subscriptions s set last_event_id = s.last_event_id
    where s.id = app_private.stripe_id(v_object -> 'subscription')
      or (s.mrr_state = 'needs_review' and (s.discounts ? (v_object ->> 'id') or exists (
        select 1 from app_public.stripe_subscription_items i where i.subscription_id = s.id and i.discounts ? (v_object ->> 'id'))));
    v_result := 'processed';
  elsif v_type in ('customer.created', 'customer.updated', 'customer.deleted') then
    v_result := app_private.apply_stripe_customer(v_object, v_created, v_id, v_type = 'customer.deleted');
  elsif v_type in ('coupon.created', 'coupon.updated') then
    perform app_private.apply_stripe_coupon(v_object, v_created, v_id);
    -- Those that waited to hear what their discount is worth.
    update app_public.stripe_subscriptions s set last_event_id = s.last_event_id
    where s.mrr_state = 'needs_review' and (s.discounts <> '[]' or exists (
      select 1 from app_public.stripe_subscription_items i where i.subscription_id = s.id and i.discounts <> '[]'));
    v_result := 'processed';
  elsif v_type in ('price.created', 'price.updated', 'price.deleted', 'plan.created', 'plan.updated', 'plan.deleted') then
    v_result := app_private.apply_stripe_price(v_object, v_created, v_id, v_type like '%.deleted');
  elsif v_type in ('product.created', 'product.updated', 'product.deleted') then
    v_result := app_private.apply_stripe_product(v_object, v_created, v_id, v_type = 'product.deleted');
  elsif v_type like 'invoice.%' and v_object ->> 'object' = 'invoice' and v_type <> 'invoice.upcoming' then
    v_result := app_private.apply_stripe_invoice(v_object, v_created, v_id, v_type = 'invoice.deleted');
  elsif v_type in ('refund.created', 'refund.updated', 'refund.failed', 'charge.refund.updated') then
    v_result := app_private.apply_stripe_refund(v_object, v_created, v_id);
  elsif v_type = 'charge.refunded' then
    -- Late versions leave the refunds out; their own events bring them then.
    for v_refund in
      select r from jsonb_array_elements(
        case when jsonb_typeof(v_object #> '{refunds,data}') = 'array' then v_object #> '{refunds,data}' else '[]' end) r
    loop
      perform app_private.apply_stripe_refund(
        v_refund || jsonb_build_object('customer', v_object -> 'customer', 'invoice', v_object -> 'invoice'), v_created, v_id);
    end loop;
    v_result := 'processed';
  elsif v_type in ('checkout.session.completed', 'checkout.session.async_payment_succeeded') then
    v_result := app_private.apply_stripe_checkout(v_object, v_id);
  elsif v_type in ('checkout.session.expired', 'checkout.session.async_payment_failed',
      'charge.dispute.created', 'charge.dispute.closed') then
    -- Kept in the inbox for people to see; nothing here follows from them.
    v_result := 'processed';
  else
    return 'ignored';
  end if;
  return v_result::app_public.stripe_event_status;
end
$$;
revoke execute on function app_private.apply_stripe_event(app_public.stripe_events) from public;
comment on function app_private.apply_stripe_event(app_public.stripe_events) is 'Puts one event into effect; says processed, ignored or ignored_stale.';

-- Bought credits: only a session that is paid gives them, once.
drop function if exists app_private.apply_stripe_checkout(jsonb, text);
create function app_private.apply_stripe_checkout(object jsonb, event_id text) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_brand text := apply_stripe_checkout.object #>> '{metadata,brand_id}';
  v_user text := apply_stripe_checkout.object #>> '{metadata,user_id}';
  v_credits text := apply_stripe_checkout.object #>> '{metadata,credits}';
  v_key text := 'checkout:' || (apply_stripe_checkout.object ->> 'id');
  v_brand_id uuid;
  v_user_id uuid;
  v_grant_id uuid;
begin
  if apply_stripe_checkout.object ->> 'mode' is distinct from 'payment' or v_credits is null
    or apply_stripe_checkout.object ->> 'payment_status' is distinct from 'paid' then
    return 'processed';
  end if;
  if v_credits !~ '^[1-9][0-9]{0,8}$' then
    raise exception 'A paid session names no number of credits'
      using errcode = 'INVAL', column = 'metadata', hint = 'Correct the metadata of the session at Stripe, then replay this event';
  end if;
  select b.id into v_brand_id from app_public.brand_accounts b where b.id::text = v_brand;
  if v_brand_id is null then
    select u.id into v_user_id from app_public.users u where u.id::text = v_user;
  end if;
  if v_brand_id is null and v_user_id is null then
    raise exception 'A paid session names neither a brand nor a person'
      using errcode = 'NTFND', column = 'metadata', hint = 'Correct the metadata of the session at Stripe, then replay this event';
  end if;
  -- The lock of the wallet makes a second event of the same session wait, and see this one.
  perform app_private.lock_wallet(v_user_id, v_brand_id);
  if exists (select 1 from app_public.credit_transfers t where t.idempotency_key = v_key) then
    return 'processed';
  end if;
  insert into app_public.credit_grants (owner_user_id, owner_brand_id, source, amount, remaining, priority, note)
  values (v_user_id, v_brand_id, 'purchase', v_credits::bigint, v_credits::bigint, 20, 'Bought: ' || (apply_stripe_checkout.object ->> 'id'))
  returning id into v_grant_id;
  insert into app_public.credit_transfers
    (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, grant_id, idempotency_key, reason)
  values
    (v_user_id, v_brand_id, 'grant', app_private.system_account('system_grants'),
     (app_private.lock_wallet(v_user_id, v_brand_id)).available_id, v_credits::bigint, v_grant_id, v_key, 'Bought through Stripe');
  return 'processed';
end
$$;
revoke execute on function app_private.apply_stripe_checkout(jsonb, text) from public;
comment on function app_private.apply_stripe_checkout(jsonb, text) is 'Gives the credits that a paid session bought, once per session.';

-- One event: claimed, applied and marked in one transaction. A failure undoes its
-- effect only, and is tried again later: 10 s, 20 s … up to an hour, eight times.
drop function if exists app_private.process_stripe_event(text);
create function app_private.process_stripe_event(event_id text) returns app_public.stripe_event_status
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_event app_public.stripe_events;
  v_status app_public.stripe_event_status;
  v_error text;
  v_constraint text;
  v_table text;
begin
  select * into v_event from app_public.stripe_events e
  where e.id = process_stripe_event.event_id and e.status in ('received', 'failed')
  for update skip locked;
  if not found then
    return null;
  end if;
  begin
    -- Movements name the event that caused them and when it happened.
    perform set_config('stripe.event_id', v_event.id, true);
    perform set_config('stripe.event_created', v_event.created::text, true);
    v_status := app_private.apply_stripe_event(v_event);
    -- The deferred triggers now, so that their errors are this event's.
    perform app_private.settle_mrr();
    update app_public.stripe_events e
    set status = v_status, attempts = e.attempts + 1, processed_at = now(), last_error = null
    where e.id = v_event.id;
  exception when others then
    -- A lock or a lost connection is not the event's fault: let the caller repeat all.
    if sqlstate in ('40001', '40P01', '55P03', '57014', '57P01') then
      raise;
    end if;
    get stacked diagnostics v_constraint = constraint_name, v_table = table_name;
    -- The sentence of the constraint says more to a person than its name.
    v_error := left(sqlstate || ': ' || coalesce((
      select substring(obj_description(c.oid, 'pg_constraint') from '@error [A-Z]+ [a-z_]+ ([^\n]+)')
      from pg_constraint c join pg_class t on t.oid = c.conrelid
      where c.conname = v_constraint and t.relname = v_table
      limit 1), sqlerrm), 500);
    v_status := case when v_event.attempts + 1 >= 8 then 'dead'::app_public.stripe_event_status else 'failed' end;
    update app_public.stripe_events e
    set status = v_status, attempts = e.attempts + 1, last_error = v_error,
      next_attempt_at = now() + make_interval(secs => least(3600, 10 * power(2, e.attempts)))
    where e.id = v_event.id;
  end;
  perform set_config('stripe.event_id', '', true);
  perform set_config('stripe.event_created', '', true);
  return v_status;
end
$$;
revoke execute on function app_private.process_stripe_event(text) from public;
grant execute on function app_private.process_stripe_event(text) to :ROLE_WORKER;
comment on function app_private.process_stripe_event(text) is 'Puts one waiting event into effect and marks it, in one transaction; null when it is not waiting, or somebody else has it.';

drop function if exists app_private.process_stripe_events(integer);
create function app_private.process_stripe_events(batch integer default 50) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id text;
  v_count integer := 0;
begin
  for v_id in
    select e.id from app_public.stripe_events e
    where e.status in ('received', 'failed') and e.next_attempt_at <= now()
    order by e.created, e.id
    limit process_stripe_events.batch
  loop
    if app_private.process_stripe_event(v_id) is not null then
      v_count := v_count + 1;
    end if;
  end loop;
  return v_count;
end
$$;
revoke execute on function app_private.process_stripe_events(integer) from public;
grant execute on function app_private.process_stripe_events(integer) to :ROLE_WORKER;
comment on function app_private.process_stripe_events(integer) is 'Puts up to batch waiting events into effect, the oldest first; returns how many. Call again until 0.';

-- Replay: one, many, or a time range. Effects happen once whatever is replayed.
drop function if exists app_public.replay_stripe_events(text[], timestamptz, timestamptz);
create function app_public.replay_stripe_events(
  event_ids text[] default null, from_time timestamptz default null, to_time timestamptz default null
) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_count integer;
begin
  perform app_private.assert_staff('{finance}', 'You may not replay events');
  if (replay_stripe_events.event_ids is null) = (replay_stripe_events.from_time is null or replay_stripe_events.to_time is null)
    or replay_stripe_events.to_time <= replay_stripe_events.from_time or cardinality(replay_stripe_events.event_ids) > 1000 then
    raise exception 'Name up to 1,000 events, or a time range'
      using errcode = 'INVAL', column = 'event_ids', hint = 'Give either a list of events, or a beginning and a later end';
  end if;
  update app_public.stripe_events e
  set status = 'received', attempts = 0, next_attempt_at = now(), processed_at = null, last_error = null
  where case when replay_stripe_events.event_ids is not null then e.id = any (replay_stripe_events.event_ids)
    else e.created >= replay_stripe_events.from_time and e.created < replay_stripe_events.to_time end;
  get diagnostics v_count = row_count;
  insert into app_public.audit_log (actor_kind, actor_id, impersonator_id, action, table_name, row_pk, diff, request_id)
  values ('staff', app_hidden.current_user_id(), app_hidden.current_impersonator_id(), 'replay_stripe_events', 'stripe_events',
    coalesce(array_to_string(replay_stripe_events.event_ids[1:20], ','), replay_stripe_events.from_time || ' to ' || replay_stripe_events.to_time),
    jsonb_build_object('events', jsonb_build_array(null, v_count)), app_hidden.current_request_id());
  perform app_private.enqueue_job('process_stripe_events', '{}', 'process_stripe_events');
  return v_count;
end
$$;
revoke execute on function app_public.replay_stripe_events(text[], timestamptz, timestamptz) from public;
grant execute on function app_public.replay_stripe_events(text[], timestamptz, timestamptz) to :ROLE_STAFF_FINANCE;
comment on function app_public.replay_stripe_events(text[], timestamptz, timestamptz) is $$
@admin.label Replay
@admin.icon replay
@admin.action selection of stripe_events
@admin.confirm Put these events into effect once more? What is known better stays.
Puts events back into the inbox: a list of up to 1,000, or all from one time until another (half-open). Finance only; leaves an audit row. DNIED, INVAL.$$;

drop function if exists app_public.link_stripe_customer(text, uuid, uuid);
create function app_public.link_stripe_customer(customer_id text, brand_id uuid default null, user_id uuid default null)
returns app_public.stripe_customers
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  v_customer app_public.stripe_customers;
begin
  perform app_private.assert_staff('{finance}', 'You may not link customers');
  if num_nonnulls(link_stripe_customer.brand_id, link_stripe_customer.user_id) > 1 then
    raise exception 'A customer is a brand or a person, not both'
      using errcode = 'INVAL', column = 'brand_id', hint = 'Name one of them, or neither to undo a link';
  end if;
  select * into v_customer from app_public.stripe_customers c where c.id = link_stripe_customer.customer_id for update;
  if not found then
    raise exception 'There is no such customer' using errcode = 'NTFND', column = 'customer_id', hint = 'Go back to the list';
  end if;
  perform app_private.move_customer(
    link_stripe_customer.customer_id, link_stripe_customer.brand_id, link_stripe_customer.user_id,
    'manual:' || app_private.uuid_v7(), now());
  insert into app_public.audit_log (actor_kind, actor_id, impersonator_id, brand_id, action, table_name, row_pk, diff, request_id)
  values ('staff', app_hidden.current_user_id(), app_hidden.current_impersonator_id(),
    coalesce(link_stripe_customer.brand_id, v_customer.brand_id), 'link_stripe_customer', 'stripe_customers', link_stripe_customer.customer_id,
    jsonb_build_object(
      'brand_id', jsonb_build_array(v_customer.brand_id, link_stripe_customer.brand_id),
      'user_id', jsonb_build_array(v_customer.user_id, link_stripe_customer.user_id)),
    app_hidden.current_request_id());
  select * into v_customer from app_public.stripe_customers c where c.id = link_stripe_customer.customer_id;
  return v_customer;
end
$$;
revoke execute on function app_public.link_stripe_customer(text, uuid, uuid) from public;
grant execute on function app_public.link_stripe_customer(text, uuid, uuid) to :ROLE_STAFF_FINANCE;
comment on function app_public.link_stripe_customer(text, uuid, uuid) is $$
@admin.label Link
@admin.icon link
@admin.action row of stripe_customers
Links a customer to a brand or a person (or, with neither, to nobody); the revenue and what it grants follow. Finance only; leaves an audit row. DNIED, INVAL, NTFND.$$;
--! EndIncluded functions/billing/process.sql
--! Included functions/billing/inbox.sql
-- What the server and the worker need around the inbox: many events at once, a
-- word to the worker, and events that could not be tried.

drop function if exists app_private.ingest_stripe_events(jsonb[], boolean);
create function app_private.ingest_stripe_events(payloads jsonb[], count_duplicates boolean default true) returns boolean[]
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_given record;
  v_results boolean[] := array_fill(false, array[cardinality(ingest_stripe_events.payloads)]);
begin
  -- In the order of their ids: two batches that share events wait for each
  -- other, and never in a circle.
  for v_given in
    select u.payload, u.position::integer as position
    from unnest(ingest_stripe_events.payloads) with ordinality u (payload, position)
    order by u.payload ->> 'id' collate "C", u.position
  loop
    if not ingest_stripe_events.count_duplicates
      and exists (select from app_public.stripe_events e where e.id = v_given.payload ->> 'id') then
      continue;
    end if;
    v_results[v_given.position] := app_private.ingest_stripe_event(v_given.payload);
  end loop;
  return v_results;
end
$$;
revoke execute on function app_private.ingest_stripe_events(jsonb[], boolean) from public;
grant execute on function app_private.ingest_stripe_events(jsonb[], boolean) to :ROLE_APP, :ROLE_WORKER;
comment on function app_private.ingest_stripe_events(jsonb[], boolean) is 'Puts verified events into the inbox, all or none: for each, whether it is new. A backfill does not count what is here already as delivered again. INVAL when one is no event.';

drop function if exists app_private.unknown_stripe_events(jsonb[]);
create function app_private.unknown_stripe_events(payloads jsonb[]) returns boolean[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(
    u.position = min_position and not exists (select from app_public.stripe_events e where e.id = u.id)
    order by u.position), '{}')
  from (
    select x.payload ->> 'id' as id, x.position, min(x.position) over (partition by x.payload ->> 'id') as min_position
    from unnest(unknown_stripe_events.payloads) with ordinality x (payload, position)
  ) u
$$;
revoke execute on function app_private.unknown_stripe_events(jsonb[]) from public;
grant execute on function app_private.unknown_stripe_events(jsonb[]) to :ROLE_WORKER;
comment on function app_private.unknown_stripe_events(jsonb[]) is 'What ingest_stripe_events would answer, and nothing kept: for a dry run.';

drop function if exists app_private.request_stripe_processing();
create function app_private.request_stripe_processing() returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_private.enqueue_job('process_stripe_events', '{}', 'process_stripe_events')
$$;
revoke execute on function app_private.request_stripe_processing() from public;
grant execute on function app_private.request_stripe_processing() to :ROLE_APP, :ROLE_WORKER;
comment on function app_private.request_stripe_processing() is 'Lets the worker look into the inbox now; asked often, it looks once.';

drop function if exists app_private.due_stripe_events(integer);
create function app_private.due_stripe_events(batch integer) returns setof text
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select e.id from app_public.stripe_events e
  where e.status in ('received', 'failed') and e.next_attempt_at <= now()
  order by e.created, e.id
  limit due_stripe_events.batch
$$;
revoke execute on function app_private.due_stripe_events(integer) from public;
grant execute on function app_private.due_stripe_events(integer) to :ROLE_WORKER;
comment on function app_private.due_stripe_events(integer) is 'The ids of events that wait, the oldest first: for processing them one by one.';

drop function if exists app_private.defer_stripe_event(text, text);
create function app_private.defer_stripe_event(event_id text, reason text) returns app_public.stripe_event_status
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_public.stripe_events e
  set status = case when e.attempts + 1 >= 8 then 'dead'::app_public.stripe_event_status else 'failed' end,
    attempts = e.attempts + 1, last_error = left(defer_stripe_event.reason, 500),
    next_attempt_at = now() + make_interval(secs => least(3600, 10 * power(2, e.attempts)))
  where e.id = defer_stripe_event.event_id and e.status in ('received', 'failed')
  returning e.status
$$;
revoke execute on function app_private.defer_stripe_event(text, text) from public;
grant execute on function app_private.defer_stripe_event(text, text) to :ROLE_WORKER;
comment on function app_private.defer_stripe_event(text, text) is 'Puts off an event whose transaction was stopped again and again, so that those behind it go on; counts as an attempt.';

drop function if exists app_private.stripe_inbox_counts();
create function app_private.stripe_inbox_counts() returns table (due bigint, later bigint, dead bigint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select count(*) filter (where e.status <> 'dead' and e.next_attempt_at <= now()),
    count(*) filter (where e.status <> 'dead' and e.next_attempt_at > now()),
    count(*) filter (where e.status = 'dead')
  from app_public.stripe_events e
  where e.status in ('received', 'failed', 'dead')
$$;
revoke execute on function app_private.stripe_inbox_counts() from public;
grant execute on function app_private.stripe_inbox_counts() to :ROLE_WORKER;
comment on function app_private.stripe_inbox_counts() is 'How many events wait, are tried later, or are given up.';

-- A fetched object is an event of its own in the inbox: it takes the same way,
-- and a movement it causes has a source that people can look at. It carries the
-- time of the clock of Stripe, so an event of that same second asks for one more fetch.
drop function if exists app_private.stripe_objects_to_fetch(integer);
create function app_private.stripe_objects_to_fetch(batch integer) returns table (kind text, id text)
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  -- What is final cannot change any more.
  with settled_subscriptions as (
    update app_public.stripe_subscriptions s set needs_refetch = false
    where s.needs_refetch and s.status in ('canceled', 'incomplete_expired')
  ), settled_invoices as (
    update app_public.stripe_invoices i set needs_refetch = false
    where i.needs_refetch and (i.deleted or i.status = 'void')
  )
  (select 'subscription', s.id from app_public.stripe_subscriptions s
    where s.needs_refetch and s.status not in ('canceled', 'incomplete_expired') order by s.id limit stripe_objects_to_fetch.batch)
  union all
  (select 'invoice', i.id from app_public.stripe_invoices i
    where i.needs_refetch and not i.deleted and i.status is distinct from 'void' order by i.id limit stripe_objects_to_fetch.batch)
$$;
revoke execute on function app_private.stripe_objects_to_fetch(integer) from public;
grant execute on function app_private.stripe_objects_to_fetch(integer) to :ROLE_WORKER;
comment on function app_private.stripe_objects_to_fetch(integer) is 'Subscriptions and invoices of which two events share a second; those that are final are let go of.';

drop function if exists app_private.forget_stripe_fetch(text);
create function app_private.forget_stripe_fetch(id text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.stripe_subscriptions s set needs_refetch = false where s.id = forget_stripe_fetch.id;
  update app_public.stripe_invoices i set needs_refetch = false where i.id = forget_stripe_fetch.id;
end
$$;
revoke execute on function app_private.forget_stripe_fetch(text) from public;
grant execute on function app_private.forget_stripe_fetch(text) to :ROLE_WORKER;
comment on function app_private.forget_stripe_fetch(text) is 'Stripe has no such object any more: there is nothing to fetch.';

drop function if exists app_private.configure_stripe(boolean);
create function app_private.configure_stripe(livemode boolean) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into app_private.settings (key, value)
  values ('stripe_livemode', to_jsonb(configure_stripe.livemode))
  on conflict (key) do update set value = excluded.value, updated_at = now()
  where settings.value is distinct from excluded.value
$$;
revoke execute on function app_private.configure_stripe(boolean) from public;
grant execute on function app_private.configure_stripe(boolean) to :ROLE_APP;
comment on function app_private.configure_stripe(boolean) is 'The server says at start whether live events count, or those of test mode.';
--! EndIncluded functions/billing/inbox.sql
--! Included functions/billing/paying.sql
-- Who pays for what. The server asks here, as the person who asked it, before it
-- asks Stripe for a page: what is bought, and for whom, is never the browser's word.

drop function if exists app_hidden.billing_party();
create function app_hidden.billing_party() returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_brand_id uuid := case when app_hidden.current_request_role() = ':ROLE_BRAND_OWNER' then app_hidden.current_brand_id() end;
  v_user_id uuid := app_hidden.current_user_id();
  v_email text;
  v_name text;
begin
  if app_hidden.current_impersonator_id() is not null then
    raise exception 'Nobody pays in the name of somebody else'
      using errcode = 'DNIED', hint = 'Let them sign in themselves';
  end if;
  -- The request of a shopper names no brand: one that does is of somebody who lost it.
  if v_brand_id is null
    and (app_hidden.current_request_role() is distinct from ':ROLE_USER' or app_hidden.claimed_brand_id() is not null) then
    raise exception 'Only an owner pays for a brand'
      using errcode = 'DNIED', hint = 'Ask an owner of your brand';
  end if;
  select u.email, u.display_name into v_email, v_name
  from app_public.users u where u.id = v_user_id and u.status = 'active';
  if not found then
    raise exception 'You are not signed in' using errcode = 'LOGIN', hint = 'Sign in and try again';
  end if;
  if v_brand_id is not null then
    select b.name into v_name from app_public.brand_accounts b where b.id = v_brand_id;
  end if;
  return jsonb_build_object(
    'brandId', v_brand_id, 'userId', case when v_brand_id is null then v_user_id end, 'email', v_email, 'name', v_name,
    'customerId', (
      select c.id from app_public.stripe_customers c
      where (c.brand_id = v_brand_id or (v_brand_id is null and c.user_id = v_user_id)) and not c.deleted
      -- The one that pays already, else the newest.
      order by exists (
          select from app_public.stripe_subscriptions s
          where s.customer_id = c.id and s.status in ('active', 'trialing', 'past_due')
        ) desc, c.created desc nulls last, c.id
      limit 1
    ));
end
$$;
revoke execute on function app_hidden.billing_party() from public;
grant execute on function app_hidden.billing_party() to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_hidden.billing_party() is 'Who pays in this request: the active brand of an owner, or the shopper; with their customer at Stripe. DNIED, LOGIN.';

-- A price that somebody may choose: active, and not made for another brand.
drop function if exists app_private.offered_price(text, jsonb);
create function app_private.offered_price(price_id text, party jsonb) returns app_public.stripe_prices
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_price app_public.stripe_prices;
begin
  select * into v_price from app_public.stripe_prices p
  where p.id = offered_price.price_id and p.active
    and coalesce((select d.active from app_public.stripe_products d where d.id = p.product_id), true)
    and coalesce(p.metadata ->> 'brand_id', offered_price.party ->> 'brandId') is not distinct from offered_price.party ->> 'brandId';
  if not found then
    raise exception 'There is no such price'
      using errcode = 'NTFND', column = 'priceId', hint = 'Choose one of those on the page';
  end if;
  return v_price;
end
$$;
revoke execute on function app_private.offered_price(text, jsonb) from public;
comment on function app_private.offered_price(text, jsonb) is 'An active price, unless its metadata names another brand. NTFND.';

drop function if exists app_hidden.prepare_credit_purchase(text, integer);
create function app_hidden.prepare_credit_purchase(price_id text, quantity integer) returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_party jsonb := app_hidden.billing_party();
  v_price app_public.stripe_prices := app_private.offered_price(prepare_credit_purchase.price_id, v_party);
  v_credits bigint;
begin
  if v_price.type <> 'one_time' or coalesce(v_price.metadata ->> 'credits', '') !~ '^[1-9][0-9]{0,8}$' then
    raise exception 'This price sells no credits'
      using errcode = 'INVAL', column = 'priceId', hint = 'Choose one of those on the page';
  end if;
  if prepare_credit_purchase.quantity is null or prepare_credit_purchase.quantity not between 1 and 1000 then
    raise exception 'Buy 1 to 1,000 at once' using errcode = 'INVAL', column = 'quantity', hint = 'Choose a smaller number';
  end if;
  v_credits := (v_price.metadata ->> 'credits')::bigint * prepare_credit_purchase.quantity;
  if v_credits > 999999999 then
    raise exception 'That is more than 999,999,999 credits' using errcode = 'INVAL', column = 'quantity', hint = 'Choose a smaller number';
  end if;
  return v_party || jsonb_build_object('credits', v_credits);
end
$$;
revoke execute on function app_hidden.prepare_credit_purchase(text, integer) from public;
grant execute on function app_hidden.prepare_credit_purchase(text, integer) to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_hidden.prepare_credit_purchase(text, integer) is 'Who would pay, and how many credits a price sells them. DNIED, INVAL, LOGIN, NTFND.';

drop function if exists app_hidden.prepare_plan_change(text);
create function app_hidden.prepare_plan_change(price_id text) returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_party jsonb := app_hidden.billing_party();
  v_price app_public.stripe_prices := app_private.offered_price(prepare_plan_change.price_id, v_party);
  v_for_brand boolean := v_price.metadata ->> 'monthly_credits' is not null
    or v_price.metadata ->> 'dataset_access' is not null or v_price.metadata ->> 'custom_models' is not null;
  v_for_shopper boolean := coalesce(v_price.metadata ->> 'pro' = 'true', false);
  v_subscription app_public.stripe_subscriptions;
  v_items bigint;
  v_item app_public.stripe_subscription_items;
begin
  if v_price.type <> 'recurring' or not (case when v_party ->> 'brandId' is null then v_for_shopper else v_for_brand end) then
    raise exception 'This price is no plan for you'
      using errcode = 'INVAL', column = 'priceId', hint = 'Choose one of those on the page';
  end if;
  select s.* into v_subscription
  from app_public.stripe_subscriptions s join app_public.stripe_customers c on c.id = s.customer_id
  where s.status in ('active', 'trialing', 'past_due', 'unpaid', 'paused')
    and (c.brand_id = (v_party ->> 'brandId')::uuid or c.user_id = (v_party ->> 'userId')::uuid)
  order by s.status in ('active', 'trialing', 'past_due') desc, s.started_at desc nulls last, s.id
  limit 1;
  if not found then
    return v_party;
  end if;
  if exists (
    select from app_public.stripe_subscription_items i
    where i.subscription_id = v_subscription.id and i.price_id = prepare_plan_change.price_id
  ) then
    raise exception 'This is your plan already'
      using errcode = 'STATE', column = 'priceId', hint = 'Choose another, or open the billing portal to change the rest';
  end if;
  select count(*) into v_items from app_public.stripe_subscription_items i where i.subscription_id = v_subscription.id;
  -- One item is one plan, and is replaced; of several, the portal lets them choose.
  if v_items = 1 then
    select * into strict v_item from app_public.stripe_subscription_items i where i.subscription_id = v_subscription.id;
  end if;
  return v_party || jsonb_build_object(
    'customerId', v_subscription.customer_id, 'subscriptionId', v_subscription.id,
    'itemId', v_item.id, 'quantity', v_item.quantity);
end
$$;
revoke execute on function app_hidden.prepare_plan_change(text) from public;
grant execute on function app_hidden.prepare_plan_change(text) to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_hidden.prepare_plan_change(text) is 'Who would pay for a plan, and which subscription it replaces, if any. DNIED, INVAL, LOGIN, NTFND, STATE.';
--! EndIncluded functions/billing/paying.sql
--! Included functions/billing/figures.sql
-- Revenue figures, from movements only: what a figure says about the past does
-- not change when a subscription does. US cents; windows are half-open; ratios
-- have 4 decimals and are null when there is nothing to divide by. Staff finance
-- and administration only. Definitions with their sources: docs/metrics.md.
drop function if exists app_private.assert_revenue_reader();
create function app_private.assert_revenue_reader() returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_staff('{finance,admin}', 'You may not see revenue');
end
$$;
revoke execute on function app_private.assert_revenue_reader() from public;
comment on function app_private.assert_revenue_reader() is 'DNIED unless the person of this request is staff finance or administration right now.';

drop function if exists app_private.assert_window(timestamptz, timestamptz);
create function app_private.assert_window(from_time timestamptz, to_time timestamptz) returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if assert_window.from_time is null or assert_window.to_time is null or assert_window.to_time <= assert_window.from_time
    or assert_window.to_time - assert_window.from_time > interval '3700 days' then
    raise exception 'A period ends after it begins, within ten years'
      using errcode = 'INVAL', column = 'to_time', hint = 'Choose a later end';
  end if;
end
$$;
revoke execute on function app_private.assert_window(timestamptz, timestamptz) from public;
comment on function app_private.assert_window(timestamptz, timestamptz) is 'INVAL unless the window is not empty and at most ten years long.';

-- What each account was worth at a moment (exclusive). A customer that was linked
-- since counts as its owner from the beginning: else the link would look like one
-- account lost and another won.
drop function if exists app_private.account_mrr_at(timestamptz);
create function app_private.account_mrr_at(moment timestamptz) returns table (account text, mrr_usd_minor bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce('brand:' || c.brand_id, 'user:' || c.user_id, m.account), sum(m.delta_usd_minor)::bigint
  from app_public.mrr_movements m
  join app_public.account_mrr a on a.account = m.account
  left join app_public.stripe_customers c on c.id = a.customer_id
  where m.occurred_at < account_mrr_at.moment
  group by 1
  having sum(m.delta_usd_minor) <> 0
$$;
revoke execute on function app_private.account_mrr_at(timestamptz) from public;
comment on function app_private.account_mrr_at(timestamptz) is 'MRR of each account that had any just before a moment, in US cents.';

drop function if exists app_public.mrr_waterfall(timestamptz, timestamptz);
create function app_public.mrr_waterfall(
  from_time timestamptz, to_time timestamptz,
  out start_usd_minor bigint, out new_usd_minor bigint, out reactivation_usd_minor bigint, out expansion_usd_minor bigint,
  out contraction_usd_minor bigint, out churn_usd_minor bigint, out end_usd_minor bigint, out quick_ratio numeric, out as_of timestamptz
) returns record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_revenue_reader();
  perform app_private.assert_window(mrr_waterfall.from_time, mrr_waterfall.to_time);
  select
    coalesce(sum(m.delta_usd_minor) filter (where m.occurred_at < mrr_waterfall.from_time), 0),
    coalesce(sum(m.delta_usd_minor) filter (where m.occurred_at >= mrr_waterfall.from_time and m.kind = 'new' and not m.is_transfer), 0),
    coalesce(sum(m.delta_usd_minor) filter (where m.occurred_at >= mrr_waterfall.from_time and m.kind = 'reactivation' and not m.is_transfer), 0),
    coalesce(sum(m.delta_usd_minor) filter (where m.occurred_at >= mrr_waterfall.from_time and m.kind = 'expansion' and not m.is_transfer), 0),
    -coalesce(sum(m.delta_usd_minor) filter (where m.occurred_at >= mrr_waterfall.from_time and m.kind = 'contraction' and not m.is_transfer), 0),
    -coalesce(sum(m.delta_usd_minor) filter (where m.occurred_at >= mrr_waterfall.from_time and m.kind = 'churn' and not m.is_transfer), 0),
    coalesce(sum(m.delta_usd_minor), 0)
  into start_usd_minor, new_usd_minor, reactivation_usd_minor, expansion_usd_minor, contraction_usd_minor, churn_usd_minor, end_usd_minor
  from app_public.mrr_movements m
  where m.occurred_at < mrr_waterfall.to_time;
  quick_ratio := round((new_usd_minor + reactivation_usd_minor + expansion_usd_minor)::numeric
    / nullif(contraction_usd_minor + churn_usd_minor, 0), 4);
  as_of := now();
end
$$;
comment on function app_public.mrr_waterfall(timestamptz, timestamptz) is
  'MRR at the start, what came and went within [from_time, to_time), and at the end: end = start + new + reactivation + expansion - contraction - churn, exactly. US cents. DNIED, INVAL.';

drop function if exists app_public.mrr_series(timestamptz, timestamptz, text);
create function app_public.mrr_series(from_time timestamptz, to_time timestamptz, bucket text default 'month')
returns table (
  bucket_start timestamptz, new_usd_minor bigint, reactivation_usd_minor bigint, expansion_usd_minor bigint,
  contraction_usd_minor bigint, churn_usd_minor bigint, end_usd_minor bigint, accounts bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_revenue_reader();
  perform app_private.assert_window(mrr_series.from_time, mrr_series.to_time);
  if mrr_series.bucket is null or mrr_series.bucket not in ('day', 'week', 'month', 'quarter', 'year') then
    raise exception 'A series goes by day, week, month, quarter or year'
      using errcode = 'INVAL', column = 'bucket', hint = 'Choose one of them';
  end if;
  return query
    with buckets as (
      select b at time zone 'UTC' as starts,
        least((b + case mrr_series.bucket when 'quarter' then interval '3 months' else ('1 ' || mrr_series.bucket)::interval end) at time zone 'UTC',
          mrr_series.to_time) as ends
      from generate_series(
        date_trunc(mrr_series.bucket, mrr_series.from_time at time zone 'UTC'),
        (mrr_series.to_time at time zone 'UTC') - interval '1 microsecond',
        case mrr_series.bucket when 'quarter' then interval '3 months' else ('1 ' || mrr_series.bucket)::interval end
      ) b
    ), balances as (
      select b.starts, m.account, sum(m.delta_usd_minor) as mrr
      from buckets b join app_public.mrr_movements m on m.occurred_at < b.ends
      group by b.starts, m.account
    )
    select b.starts,
      coalesce(sum(m.delta_usd_minor) filter (where m.kind = 'new'), 0)::bigint,
      coalesce(sum(m.delta_usd_minor) filter (where m.kind = 'reactivation'), 0)::bigint,
      coalesce(sum(m.delta_usd_minor) filter (where m.kind = 'expansion'), 0)::bigint,
      -coalesce(sum(m.delta_usd_minor) filter (where m.kind = 'contraction'), 0)::bigint,
      -coalesce(sum(m.delta_usd_minor) filter (where m.kind = 'churn'), 0)::bigint,
      coalesce((select sum(x.mrr) from balances x where x.starts = b.starts), 0)::bigint,
      (select count(*) from balances x where x.starts = b.starts and x.mrr > 0)
    from buckets b
    left join app_public.mrr_movements m
      on m.occurred_at >= greatest(b.starts, mrr_series.from_time) and m.occurred_at < b.ends and not m.is_transfer
    group by b.starts
    order by b.starts;
end
$$;
comment on function app_public.mrr_series(timestamptz, timestamptz, text) is $$
@simpleCollections only
MRR at the end of each day, week, month, quarter or year of [from_time, to_time), with what moved in it, and how many accounts paid. US cents, UTC. DNIED, INVAL.$$;

drop function if exists app_public.revenue_retention(timestamptz, timestamptz);
create function app_public.revenue_retention(
  from_time timestamptz, to_time timestamptz,
  out accounts bigint, out lost_accounts bigint, out start_usd_minor bigint, out end_usd_minor bigint,
  out nrr numeric, out grr numeric, out logo_churn numeric, out gross_mrr_churn numeric, out net_mrr_churn numeric, out as_of timestamptz
) returns record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_kept bigint;
  v_gone bigint;
  v_won bigint;
begin
  perform app_private.assert_revenue_reader();
  perform app_private.assert_window(revenue_retention.from_time, revenue_retention.to_time);
  select count(*), count(*) filter (where coalesce(e.mrr_usd_minor, 0) = 0), sum(s.mrr_usd_minor),
    sum(coalesce(e.mrr_usd_minor, 0)), sum(least(s.mrr_usd_minor, coalesce(e.mrr_usd_minor, 0)))
  into accounts, lost_accounts, start_usd_minor, end_usd_minor, v_kept
  from app_private.account_mrr_at(revenue_retention.from_time) s
  left join app_private.account_mrr_at(revenue_retention.to_time) e on e.account = s.account;
  select coalesce(sum(-m.delta_usd_minor) filter (where m.kind in ('churn', 'contraction')), 0),
    coalesce(sum(m.delta_usd_minor) filter (where m.kind in ('expansion', 'reactivation')), 0)
  into v_gone, v_won
  from app_public.mrr_movements m
  where m.occurred_at >= revenue_retention.from_time and m.occurred_at < revenue_retention.to_time and not m.is_transfer;
  start_usd_minor := coalesce(start_usd_minor, 0);
  end_usd_minor := coalesce(end_usd_minor, 0);
  nrr := round(end_usd_minor::numeric / nullif(start_usd_minor, 0), 4);
  grr := round(v_kept::numeric / nullif(start_usd_minor, 0), 4);
  logo_churn := round(lost_accounts::numeric / nullif(accounts, 0), 4);
  gross_mrr_churn := round(v_gone::numeric / nullif(start_usd_minor, 0), 4);
  net_mrr_churn := round((v_gone - v_won)::numeric / nullif(start_usd_minor, 0), 4);
  as_of := now();
end
$$;
comment on function app_public.revenue_retention(timestamptz, timestamptz) is
  'Of the accounts that paid at from_time: NRR = their MRR at to_time / at from_time; GRR the same with no account above its start; logo churn = share that pays nothing now. Gross and net MRR churn count movements instead. DNIED, INVAL.';

drop function if exists app_public.subscriber_churn(timestamptz);
create function app_public.subscriber_churn(
  as_of timestamptz default now(), out churned bigint, out active_before bigint, out joined bigint, out rate numeric
) returns record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_revenue_reader();
  select count(*) into active_before
  from app_private.account_mrr_at(subscriber_churn.as_of - interval '30 days');
  select count(*) filter (where m.kind = 'churn'), count(*) filter (where m.kind in ('new', 'reactivation'))
  into churned, joined
  from app_public.mrr_movements m
  where m.occurred_at >= subscriber_churn.as_of - interval '30 days' and m.occurred_at < subscriber_churn.as_of and not m.is_transfer;
  rate := round(churned::numeric / nullif(active_before + joined, 0), 4);
end
$$;
comment on function app_public.subscriber_churn(timestamptz) is
  'As Stripe counts it: churned in the last 30 days / (active 30 days ago + joined since). Leaving twice counts twice. DNIED.';

drop function if exists app_public.unit_economics(timestamptz, timestamptz);
create function app_public.unit_economics(
  from_time timestamptz, to_time timestamptz,
  out mrr_usd_minor bigint, out arr_usd_minor bigint, out accounts bigint, out arpa_usd_minor bigint, out new_accounts bigint,
  out spend_usd_minor bigint, out gross_margin numeric, out monthly_logo_churn numeric,
  out ltv_usd_minor bigint, out cac_usd_minor bigint, out ltv_cac numeric, out lifetime_months numeric, out as_of timestamptz
) returns record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_age interval := age(unit_economics.to_time at time zone 'UTC', unit_economics.from_time at time zone 'UTC');
  -- A calendar month is one month, however many days it has.
  v_months numeric := extract(year from v_age) * 12 + extract(month from v_age)
    + extract(epoch from v_age - make_interval(years => extract(year from v_age)::integer, months => extract(month from v_age)::integer))
      * 12 / (86400 * 365);
  v_start bigint;
  v_lost bigint;
  v_margin numeric;
  v_ltv numeric;
begin
  perform app_private.assert_revenue_reader();
  perform app_private.assert_window(unit_economics.from_time, unit_economics.to_time);
  select coalesce(sum(a.mrr_usd_minor), 0), count(*) into mrr_usd_minor, accounts
  from app_private.account_mrr_at(unit_economics.to_time) a;
  arr_usd_minor := mrr_usd_minor * 12;
  arpa_usd_minor := round(mrr_usd_minor::numeric / nullif(accounts, 0));
  select count(*) into new_accounts from app_public.mrr_movements m
  where m.kind = 'new' and not m.is_transfer and m.occurred_at >= unit_economics.from_time and m.occurred_at < unit_economics.to_time;
  -- Months that cost nothing have a margin, too.
  select sum(c.spend_usd_minor),
    coalesce(sum(c.gross_margin * c.spend_usd_minor) / nullif(sum(c.spend_usd_minor), 0), avg(c.gross_margin))
  into spend_usd_minor, v_margin
  from app_public.acquisition_costs c
  where c.month >= (unit_economics.from_time at time zone 'UTC')::date and c.month < (unit_economics.to_time at time zone 'UTC')::date;
  select count(*), count(*) filter (where e.account is null) into v_start, v_lost
  from app_private.account_mrr_at(unit_economics.from_time) s
  left join app_private.account_mrr_at(unit_economics.to_time) e on e.account = s.account;
  monthly_logo_churn := round(v_lost::numeric / nullif(v_start, 0) / v_months, 4);
  -- From the figures as they are, not as they are shown: one rounding each.
  lifetime_months := round(v_months * v_start / nullif(v_lost, 0), 4);
  v_ltv := mrr_usd_minor::numeric / nullif(accounts, 0) * v_margin * v_months * v_start / nullif(v_lost, 0);
  gross_margin := round(v_margin, 4);
  ltv_usd_minor := round(v_ltv);
  cac_usd_minor := round(spend_usd_minor::numeric / nullif(new_accounts, 0));
  ltv_cac := round(v_ltv * new_accounts / nullif(spend_usd_minor, 0), 4);
  as_of := now();
end
$$;
comment on function app_public.unit_economics(timestamptz, timestamptz) is
  'ARPA, CAC = spend / new accounts, LTV = ARPA x gross margin / monthly logo churn, LTV:CAC, lifetime = 1 / churn. US cents; null is "not known". The gross margin of several months is weighted by their spend. DNIED, INVAL.';

-- The first specification's trigger function of this name, as it must be: MRR is
-- derived, so all it can do is derive it again.
drop function if exists app_public.update_brand_mrr(uuid);
create function app_public.update_brand_mrr(brand_id uuid) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_mrr bigint;
begin
  perform app_private.assert_revenue_reader();
  if not exists (select 1 from app_public.brand_accounts b where b.id = update_brand_mrr.brand_id) then
    raise exception 'There is no such brand' using errcode = 'NTFND', column = 'brand_id', hint = 'Go back to the list';
  end if;
  update app_public.stripe_subscriptions s set last_event_id = s.last_event_id
  where s.customer_id in (select c.id from app_public.stripe_customers c where c.brand_id = update_brand_mrr.brand_id);
  perform app_private.settle_mrr();
  select coalesce(sum(a.mrr_usd_minor), 0) into v_mrr from app_public.account_mrr a where a.brand_id = update_brand_mrr.brand_id;
  return v_mrr;
end
$$;
comment on function app_public.update_brand_mrr(uuid) is
  'Reckons the MRR of a brand from its subscriptions once more and returns it, in US cents. Needed after a rate or a setting was corrected. Finance and administration. DNIED, NTFND.';

drop function if exists app_public.mrr_leaderboard(integer);
create function app_public.mrr_leaderboard("limit" integer default 50)
returns table (
  place bigint, brand_id uuid, name text, mrr_usd_minor bigint, arr_usd_minor bigint, share numeric,
  active_subscriptions integer, completed_tryons bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_revenue_reader();
  return query
    with ranked as (
      select rank() over (order by a.mrr_usd_minor desc) as place, b.id, b.name, a.mrr_usd_minor, a.active_subscriptions,
        round(a.mrr_usd_minor / nullif(sum(a.mrr_usd_minor) over (), 0), 4) as share
      from app_public.account_mrr a join app_public.brand_accounts b on b.id = a.brand_id
      where a.mrr_usd_minor > 0
      order by a.mrr_usd_minor desc, b.id
      limit least(greatest(coalesce(mrr_leaderboard."limit", 50), 1), 500)
    )
    select r.place, r.id, r.name, r.mrr_usd_minor, r.mrr_usd_minor * 12, r.share, r.active_subscriptions,
      (select count(*) from app_public.tryon_jobs j
        where j.brand_id = r.id and j.status = 'completed' and j.id >= app_private.uuid_v7_floor(now() - interval '30 days'))
    from ranked r
    order by r.place, r.id;
end
$$;
comment on function app_public.mrr_leaderboard(integer) is $$
@simpleCollections only
Brands by MRR (US cents) with ARR, share of all brands and try-ons completed in the last 30 days; 1 to 500. Finance and administration. DNIED.$$;

do $do$
declare
  v_function text;
begin
  foreach v_function in array array[
    'mrr_waterfall(timestamptz, timestamptz)', 'mrr_series(timestamptz, timestamptz, text)',
    'revenue_retention(timestamptz, timestamptz)', 'subscriber_churn(timestamptz)', 'unit_economics(timestamptz, timestamptz)',
    'update_brand_mrr(uuid)', 'mrr_leaderboard(integer)'
  ] loop
    execute format('revoke execute on function app_public.%s from public', v_function);
    execute format('grant execute on function app_public.%s to :ROLE_STAFF_FINANCE, :ROLE_STAFF_ADMIN', v_function);
  end loop;
end
$do$;
--! EndIncluded functions/billing/figures.sql
--! Included functions/billing/reconcile.sql
-- The mirror against the movements against the accounts: each branch must return
-- no row.
drop function if exists app_private.mrr_differences();
create function app_private.mrr_differences() returns table (invariant text, detail text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with subscribed as (
    select app_private.account_of_customer(s.customer_id) as account, sum(s.mrr_usd_minor) as mrr
    from app_public.stripe_subscriptions s group by 1
  ), moved as (
    select m.account, sum(m.delta_usd_minor) as mrr from app_public.mrr_movements m group by 1
  ), ordered as (
    select m.*, row_number() over (partition by m.account order by m.created_at, m.id) as n
    from app_public.mrr_movements m
  )
  select 'account_differs_from_subscriptions', coalesce(a.account, s.account)
  from app_public.account_mrr a full join subscribed s on s.account = a.account
  where coalesce(a.mrr_usd_minor, 0) <> coalesce(s.mrr, 0)
  union all
  select 'account_differs_from_movements', coalesce(a.account, m.account)
  from app_public.account_mrr a full join moved m on m.account = a.account
  where coalesce(a.mrr_usd_minor, 0) <> coalesce(m.mrr, 0)
  union all
  select 'first_movement_not_new', o.account from ordered o where o.n = 1 and o.kind <> 'new'
  union all
  select 'event_waiting_too_long', e.id from app_public.stripe_events e
  where e.status = 'received' and e.next_attempt_at < now() - interval '10 minutes'
$$;
revoke execute on function app_private.mrr_differences() from public;
grant execute on function app_private.mrr_differences() to :ROLE_WORKER;
comment on function app_private.mrr_differences() is 'One row per account whose MRR does not add up, and per event that waits too long; no row when all is well.';

-- Invoiced against MRR, in named parts that add up to the cent. What an invoice
-- charges beyond one month, or before or after the window, is timing.
drop function if exists app_public.mrr_reconciliation(timestamptz, timestamptz);
create function app_public.mrr_reconciliation(from_time timestamptz, to_time timestamptz)
returns table (part text, usd_minor bigint, items bigint, explanation text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_mrr bigint;
  v_invoiced bigint;
  v_invoices bigint;
  v_proration bigint;
  v_metered bigint;
  v_one_off bigint;
  v_discounts bigint;
  v_tax bigint;
  v_fx bigint;
  v_missing bigint;
  v_accounts bigint;
begin
  perform app_private.assert_revenue_reader();
  perform app_private.assert_window(mrr_reconciliation.from_time, mrr_reconciliation.to_time);
  select coalesce(sum(a.mrr_usd_minor), 0), count(*) into v_mrr, v_accounts
  from app_private.account_mrr_at(mrr_reconciliation.to_time) a;
  with invoices as (
    select i.*, power(10::numeric, c.exponent) as unit,
      case when i.currency = 'usd' then 1 else (
        select f.usd_per_unit from app_public.fx_rates f
        where f.currency = i.currency and f.rate_date <= (i.created at time zone 'UTC')::date
        order by f.rate_date desc limit 1
      ) end as rate,
      coalesce((select s.fx_rate from app_public.stripe_subscriptions s where s.id = i.subscription_id),
        case when i.currency = 'usd' then 1 end) as pinned
    from app_public.stripe_invoices i left join app_public.currencies c on c.code = i.currency
    where i.created >= mrr_reconciliation.from_time and i.created < mrr_reconciliation.to_time
      and i.status in ('open', 'paid', 'uncollectible') and not i.deleted
  ), lines as (
    select i.id, i.unit, i.rate, i.pinned, (l ->> 'amount')::numeric as amount,
      coalesce((l ->> 'proration')::boolean,
        (l #>> '{parent,subscription_item_details,proration}')::boolean,
        (l #>> '{parent,invoice_item_details,proration}')::boolean, false) as proration,
      coalesce(l #>> '{price,recurring,usage_type}', l #>> '{plan,usage_type}', p.usage_type) = 'metered' as metered,
      i.subscription_id is null as one_off
    from invoices i
    cross join lateral jsonb_array_elements(i.lines) l
    left join app_public.stripe_prices p on p.id = coalesce(app_private.stripe_id(l -> 'price'), l #>> '{pricing,price_details,price}')
  ), of_lines as (
    select
      coalesce(sum(round(l.amount * l.rate * 100 / l.unit)) filter (where l.proration), 0) as proration,
      coalesce(sum(round(l.amount * l.rate * 100 / l.unit)) filter (where not l.proration and l.metered), 0) as metered,
      coalesce(sum(round(l.amount * l.rate * 100 / l.unit)) filter (where not l.proration and not coalesce(l.metered, false) and l.one_off), 0) as one_off,
      coalesce(sum(round(l.amount * l.rate * 100 / l.unit) - round(l.amount * l.pinned * 100 / l.unit))
        filter (where not l.proration and not coalesce(l.metered, false) and not l.one_off and l.pinned is not null), 0) as fx
    from lines l
    where l.rate is not null
  ), of_invoices as (
    select count(*) as n, count(*) filter (where i.rate is null or i.unit is null) as missing,
      coalesce(sum(round(i.total * i.rate * 100 / i.unit)), 0) as total,
      coalesce(sum(round(i.discount * i.rate * 100 / i.unit)), 0) as discount,
      coalesce(sum(round(i.tax * i.rate * 100 / i.unit)), 0) as tax
    from invoices i
  )
  select o.total, o.n, o.missing, -o.discount, o.tax, l.proration, l.metered, l.one_off, l.fx
  into v_invoiced, v_invoices, v_missing, v_discounts, v_tax, v_proration, v_metered, v_one_off, v_fx
  from of_invoices o, of_lines l;
  return query values
    ('mrr', v_mrr, v_accounts, 'MRR at the end of the period'),
    ('discounts', v_discounts, null::bigint, 'Discounts on the invoices'),
    ('proration', v_proration, null, 'Changes of plan within a period'),
    ('metered', v_metered, null, 'Usage, which is not recurring'),
    ('one_off', v_one_off, null, 'Invoices without a subscription'),
    ('tax', v_tax, null, 'Taxes'),
    ('fx', v_fx, null, 'The rate of the day of the invoice against the pinned one'),
    ('timing', v_invoiced - v_mrr - v_discounts - v_proration - v_metered - v_one_off - v_tax - v_fx, null,
      'Longer intervals, periods that begin at other times, what began or ended within the period'),
    ('invoiced', v_invoiced, v_invoices, 'Invoices of the period that are open, paid or uncollectible'),
    ('without_rate', 0::bigint, v_missing, 'Invoices left out: there is no exchange rate');
end
$$;
revoke execute on function app_public.mrr_reconciliation(timestamptz, timestamptz) from public;
grant execute on function app_public.mrr_reconciliation(timestamptz, timestamptz) to :ROLE_STAFF_FINANCE, :ROLE_STAFF_ADMIN;
comment on function app_public.mrr_reconciliation(timestamptz, timestamptz) is $$
@simpleCollections only
From MRR to what was invoiced in [from_time, to_time), part by part; all parts before "invoiced" add up to it, to the cent. DNIED, INVAL.$$;

drop function if exists app_public.mrr_check();
create function app_public.mrr_check() returns table (invariant text, detail text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_revenue_reader();
  return query select d.invariant, d.detail from app_private.mrr_differences() d limit 1000;
end
$$;
revoke execute on function app_public.mrr_check() from public;
grant execute on function app_public.mrr_check() to :ROLE_STAFF_FINANCE, :ROLE_STAFF_ADMIN;
comment on function app_public.mrr_check() is $$
@simpleCollections only
Where mirror, accounts and movements differ; empty when they agree. DNIED.$$;

do $do$
declare
  v_table text;
begin
  foreach v_table in array array[
    'stripe_customers', 'stripe_products', 'stripe_prices', 'stripe_coupons', 'stripe_discounts', 'stripe_subscriptions',
    'stripe_invoices', 'stripe_refunds', 'account_mrr', 'acquisition_costs', 'subscription_grants', 'fx_rates'
  ] loop
    execute format('drop trigger if exists _100_timestamps on app_public.%I', v_table);
    execute format(
      'create trigger _100_timestamps before insert or update on app_public.%I '
      'for each row execute function app_private.tg__timestamps()', v_table);
  end loop;
end
$do$;

call app_private.audit_table('app_public.fx_rates', '{currency,rate_date}');
call app_private.audit_table('app_public.acquisition_costs', '{id}');
--! EndIncluded functions/billing/reconcile.sql
--! Included policies/stripe_events.sql
-- Finance reads the inbox and replays through a function; nobody writes.
call app_private.close_table('app_public.stripe_events');
create policy select_finance on app_public.stripe_events for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.stripe_events to :ROLE_STAFF_FINANCE;
--! EndIncluded policies/stripe_events.sql
--! Included policies/stripe_mirror.sql
-- The mirror: an owner sees what belongs to the brand, a shopper what belongs to
-- the shopper, finance everything. Which customer is whose stands in
-- stripe_customers, whose own policy answers below. Nobody writes.
call app_private.close_table('app_public.stripe_customers');
create policy fence_brand on app_public.stripe_customers as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_own on app_public.stripe_customers for select to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()));
create policy select_brand on app_public.stripe_customers for select to :ROLE_BRAND_OWNER using (true);
create policy select_finance on app_public.stripe_customers for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.stripe_customers to :ROLE_USER, :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;

call app_private.close_table('app_public.stripe_subscriptions');
create policy fence_brand on app_public.stripe_subscriptions as restrictive for all to :ROLE_VIEWER
  using (customer_id in (select c.id from app_public.stripe_customers c where c.brand_id = (select app_hidden.current_brand_id())))
  with check (false);
create policy select_own on app_public.stripe_subscriptions for select to :ROLE_USER
  using (customer_id in (select c.id from app_public.stripe_customers c where c.user_id = (select app_hidden.current_user_id())));
create policy select_brand on app_public.stripe_subscriptions for select to :ROLE_BRAND_OWNER using (true);
create policy select_finance on app_public.stripe_subscriptions for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.stripe_subscriptions to :ROLE_USER, :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;

call app_private.close_table('app_public.stripe_subscription_items');
create policy fence_brand on app_public.stripe_subscription_items as restrictive for all to :ROLE_VIEWER
  using (subscription_id in (
    select s.id from app_public.stripe_subscriptions s join app_public.stripe_customers c on c.id = s.customer_id
    where c.brand_id = (select app_hidden.current_brand_id())))
  with check (false);
create policy select_own on app_public.stripe_subscription_items for select to :ROLE_USER
  using (subscription_id in (
    select s.id from app_public.stripe_subscriptions s join app_public.stripe_customers c on c.id = s.customer_id
    where c.user_id = (select app_hidden.current_user_id())));
create policy select_brand on app_public.stripe_subscription_items for select to :ROLE_BRAND_OWNER using (true);
create policy select_finance on app_public.stripe_subscription_items for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.stripe_subscription_items to :ROLE_USER, :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;

call app_private.close_table('app_public.stripe_invoices');
create policy fence_brand on app_public.stripe_invoices as restrictive for all to :ROLE_VIEWER
  using (customer_id in (select c.id from app_public.stripe_customers c where c.brand_id = (select app_hidden.current_brand_id())))
  with check (false);
create policy select_own on app_public.stripe_invoices for select to :ROLE_USER
  using (customer_id in (select c.id from app_public.stripe_customers c where c.user_id = (select app_hidden.current_user_id())));
create policy select_brand on app_public.stripe_invoices for select to :ROLE_BRAND_OWNER using (true);
create policy select_finance on app_public.stripe_invoices for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.stripe_invoices to :ROLE_USER, :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;

call app_private.close_table('app_public.stripe_refunds');
create policy fence_brand on app_public.stripe_refunds as restrictive for all to :ROLE_VIEWER
  using (customer_id in (select c.id from app_public.stripe_customers c where c.brand_id = (select app_hidden.current_brand_id())))
  with check (false);
create policy select_own on app_public.stripe_refunds for select to :ROLE_USER
  using (customer_id in (select c.id from app_public.stripe_customers c where c.user_id = (select app_hidden.current_user_id())));
create policy select_brand on app_public.stripe_refunds for select to :ROLE_BRAND_OWNER using (true);
create policy select_finance on app_public.stripe_refunds for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.stripe_refunds to :ROLE_USER, :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;

-- What is sold is no secret to who buys it.
call app_private.close_table('app_public.stripe_products');
create policy select_all on app_public.stripe_products for select to :ROLE_USER, :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE using (true);
grant select on app_public.stripe_products to :ROLE_USER, :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;
call app_private.close_table('app_public.stripe_prices');
create policy select_all on app_public.stripe_prices for select to :ROLE_USER, :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE using (true);
grant select on app_public.stripe_prices to :ROLE_USER, :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;

call app_private.close_table('app_public.stripe_coupons');
create policy select_finance on app_public.stripe_coupons for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.stripe_coupons to :ROLE_STAFF_FINANCE;
call app_private.close_table('app_public.stripe_discounts');
create policy select_finance on app_public.stripe_discounts for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.stripe_discounts to :ROLE_STAFF_FINANCE;

call app_private.close_table('app_private.stripe_raw');
--! EndIncluded policies/stripe_mirror.sql
--! Included policies/subscription_grants.sql
-- A brand's members see what its plan gives, a shopper the own, staff all. Kept
-- by functions.
call app_private.close_table('app_public.subscription_grants');
create policy fence_brand on app_public.subscription_grants as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_own on app_public.subscription_grants for select to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()));
create policy select_brand on app_public.subscription_grants for select to :ROLE_VIEWER using (true);
create policy select_staff on app_public.subscription_grants for select to :ROLE_STAFF using (true);
grant select on app_public.subscription_grants to :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF;
--! EndIncluded policies/subscription_grants.sql
--! Included policies/mrr.sql
-- MRR: an owner sees the own brand's, finance all, nobody else any: a leaderboard
-- would tell a brand about its competitors. Nobody writes.
call app_private.close_table('app_public.account_mrr');
create policy fence_brand on app_public.account_mrr as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_brand on app_public.account_mrr for select to :ROLE_BRAND_OWNER using (true);
create policy select_finance on app_public.account_mrr for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.account_mrr to :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;

call app_private.close_table('app_public.mrr_movements');
create policy fence_brand on app_public.mrr_movements as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_brand on app_public.mrr_movements for select to :ROLE_BRAND_OWNER using (true);
create policy select_finance on app_public.mrr_movements for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.mrr_movements to :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;
--! EndIncluded policies/mrr.sql
--! Included policies/fx_rates.sql
-- Finance and the worker read and write rates.
call app_private.close_table('app_public.fx_rates');
create policy select_finance on app_public.fx_rates for select to :ROLE_STAFF_FINANCE, :ROLE_WORKER using (true);
create policy insert_finance on app_public.fx_rates for insert to :ROLE_STAFF_FINANCE, :ROLE_WORKER with check (true);
create policy update_finance on app_public.fx_rates for update to :ROLE_STAFF_FINANCE, :ROLE_WORKER using (true) with check (true);
grant select on app_public.fx_rates to :ROLE_STAFF_FINANCE, :ROLE_WORKER;
grant insert (currency, rate_date, usd_per_unit) on app_public.fx_rates to :ROLE_STAFF_FINANCE, :ROLE_WORKER;
grant update (usd_per_unit, updated_at) on app_public.fx_rates to :ROLE_STAFF_FINANCE, :ROLE_WORKER;
--! EndIncluded policies/fx_rates.sql
--! Included policies/acquisition_costs.sql
-- Finance keeps what sales and marketing cost.
call app_private.close_table('app_public.acquisition_costs');
create policy select_finance on app_public.acquisition_costs for select to :ROLE_STAFF_FINANCE using (true);
create policy insert_finance on app_public.acquisition_costs for insert to :ROLE_STAFF_FINANCE with check (true);
create policy update_finance on app_public.acquisition_costs for update to :ROLE_STAFF_FINANCE using (true) with check (true);
grant select on app_public.acquisition_costs to :ROLE_STAFF_FINANCE;
grant insert (month, segment, brand_id, spend_usd_minor, gross_margin) on app_public.acquisition_costs to :ROLE_STAFF_FINANCE;
grant update (spend_usd_minor, gross_margin, updated_at) on app_public.acquisition_costs to :ROLE_STAFF_FINANCE;
--! EndIncluded policies/acquisition_costs.sql
--! Included functions/ops/check_invariants.sql
-- Invariants of the data and the schema, each a query that must return no row.
-- `npm run check` and the tests run them after every scenario.
drop function if exists app_private.check_invariants();

create function app_private.check_invariants() returns table (invariant text, detail text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  -- A month within the horizon without a partition.
  select 'partition_missing', t.parent || ' ' || to_char(m, 'YYYY-MM')
  from app_private.partitioned_tables t,
    generate_series(
      date_trunc('month', now() at time zone 'UTC'),
      date_trunc('month', now() at time zone 'UTC') + make_interval(months => t.months_ahead - 1),
      interval '1 month'
    ) m
  where to_regclass(format('app_partitions.%I', split_part(t.parent, '.', 2) || '_' || to_char(m, 'YYYY_MM'))) is null
  union all
  -- A table without row-level security. The import staging is the one exception.
  select 'table_without_rls', c.oid::regclass::text
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname in ('app_public', 'app_hidden', 'app_private', 'app_partitions')
    and c.relkind in ('r', 'p') and not c.relrowsecurity
    and c.oid <> 'app_private.import_rows'::regclass
  union all
  -- A view that neither runs as its caller nor belongs to the bound reader; one
  -- with conditions of its own needs a barrier before those of its caller.
  select 'view_unbound', c.oid::regclass::text
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'app_public' and c.relkind in ('v', 'm')
    and not (
      c.relkind = 'v' and (
        coalesce(c.reloptions @> array['security_invoker=true'], false)
        or (
          pg_get_userbyid(c.relowner) = ':ROLE_READER'
          and (
            coalesce(c.reloptions @> array['security_barrier=true'], false)
            or pg_get_viewdef(c.oid) !~* '\m(where|join|group|having|distinct|limit|union|intersect|except)\M'
          )
        )
      )
    )
  union all
  -- A foreign key whose columns lead no index.
  select 'foreign_key_without_index', k.conrelid::regclass || '.' || k.conname
  from pg_constraint k join pg_namespace n on n.oid = k.connamespace
  where k.contype = 'f' and n.nspname in ('app_public', 'app_private', 'app_hidden')
    and not exists (
      select 1 from pg_index i
      where i.indrelid = k.conrelid and i.indisvalid
        and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
        and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] <@ k.conkey
    )
  union all
  -- A definer function that trusts its caller's search_path, or that anybody may run.
  select 'definer_function_unsafe', p.oid::regprocedure::text
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname in ('app_public', 'app_hidden', 'app_private') and p.prosecdef
    and (
      not exists (select 1 from unnest(coalesce(p.proconfig, '{}')) o where o like 'search\_path=%')
      or exists (
        select 1 from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        where a.grantee = 0 and a.privilege_type = 'EXECUTE'
      )
    )
  union all
  select 'index_invalid', i.indexrelid::regclass::text from pg_index i
  join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
  where not i.indisvalid and n.nspname like 'app\_%'
  union all
  select 'constraint_not_validated', k.conrelid::regclass || '.' || k.conname
  from pg_constraint k join pg_namespace n on n.oid = k.connamespace
  where not k.convalidated and n.nspname like 'app\_%'
  union all
  -- A brand that works without an owner. While onboarding its owner is invited,
  -- and it may be suspended or closed before anybody accepts.
  select 'brand_without_owner', b.slug
  from app_public.brand_accounts b
  where b.status = 'active'
    and not exists (select 1 from app_public.brand_members m where m.brand_id = b.id and m.role = 'owner')
  union all
  -- An import whose counts do not add up to its refusals.
  select 'import_refusals_miscounted', r.id::text
  from app_public.import_runs r
  where r.refused_count <> (select count(*) from app_public.import_refusals f where f.run_id = r.id)
  union all
  select r.invariant, r.detail from app_private.credit_reconcile() r
  union all
  select r.invariant, r.detail from app_private.mrr_differences() r
  union all
  -- A job that should have been expired or handed on long ago: nobody sweeps.
  select 'job_left_behind', j.id::text
  from app_public.tryon_jobs j
  where (j.status = 'queued' and j.deadline_at < now() - interval '15 minutes')
    or (j.status = 'processing' and j.locked_until < now() - interval '15 minutes')
$$;
comment on function app_private.check_invariants() is 'Returns one row per broken invariant; no row when everything holds.';
revoke execute on function app_private.check_invariants() from public;
grant execute on function app_private.check_invariants() to :ROLE_WORKER;
--! EndIncluded functions/ops/check_invariants.sql
