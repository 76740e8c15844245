
drop table if exists app_public.looks;
drop type if exists app_public.look_season;
