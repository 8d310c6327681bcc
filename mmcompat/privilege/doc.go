// Package privilege decides with whose rights mmrunner works.
//
// Every member of Mailman's group may write to an installation's data, and as a rule to its settings and its code. So
// no file there may be read, and its Python may not be started, with more than the rights of Mailman's
// user. A process of root asks [Find] whose installation it is and calls [User.Become] before it opens anything in
// it. What Find goes by cannot be forged by the group:
//
//   - who owns the settings files and the directories that they lie in, and who may write to them;
//   - the system's own table of users and groups.
//
// MAILMAN_USER and MAILMAN_GROUP are read from the text of mm_cfg.py or Defaults.py, which are never executed for it.
// The settings' word is taken only as far as those who can write them have the rights of that user anyway:
// they must be root's, that user's own, or writable by that user's primary group alone.
//
// An installation that only root can change, such as a copy below a directory of mode 0700 of root's, is worked
// on as root: no other user could have put something into it.
package privilege
