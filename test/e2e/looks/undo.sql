
drop function if exists app_public.mark_down_look(uuid, integer, text);
drop table if exists app_public.looks;
drop type if exists app_public.look_season;
