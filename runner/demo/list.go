package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// weakEvery is the distance between members whose next bounce is their last: they have a score of weakScore from the
// days before.
const (
	weakEvery = 100
	weakScore = 4.0
)

// address is the address of member i, and key the same in lower case, as in the list's dicts. Some addresses have
// capitals, which Mailman keeps.
func address(i int) string {
	if i%10 == 0 {
		return fmt.Sprintf("User%06d@Host%03d.example.net", i, i%500)
	}
	return key(i)
}

func key(i int) string { return fmt.Sprintf("user%06d@host%03d.example.net", i, i%500) }

func password(i int) string { return fmt.Sprintf("pw%06d", i) }

func list(items ...string) *pickle.List {
	l := &pickle.List{}
	for _, s := range items {
		l.Items = append(l.Items, pickle.Str(s))
	}
	return l
}

// attributes returns the attributes of a list that Mailman 2.1.39 has just made, at its data version.
func attributes(name string, now time.Time) map[string]pickle.Value {
	const footer = "%(real_name)s@%(host_name)s\n"
	seconds := pickle.Int(7 * 24 * 60 * 60)
	a := map[string]pickle.Value{
		"bounce_info_stale_after":                   seconds,
		"bounce_you_are_disabled_warnings":          pickle.Int(3),
		"bounce_you_are_disabled_warnings_interval": seconds,
		"bounce_score_threshold":                    5.0,
		"created_at":                                float64(now.UnixMicro()) / 1e6,
		"data_version":                              pickle.Int(112),
		"host_name":                                 pickle.Str(mailHost),
		"mod_password":                              nil,
		"post_password":                             nil,
		"password":                                  pickle.Str("0000000000000000000000000000000000000000"),
		"post_id":                                   1.0,
		"preferred_language":                        pickle.Str("en"),
		"real_name":                                 pickle.Str(string(name[0]-'a'+'A') + name[1:]),
		"subject_prefix":                            pickle.Str("[" + name + "] "),
		"umbrella_member_suffix":                    pickle.Str("-owner"),
		"web_page_url":                              pickle.Str("http://" + mailHost + "/mailman/"),
		"digest_footer":                             pickle.Str(footer),
		"msg_footer":                                pickle.Str(footer),
		"available_languages":                       list("en"),
		"owner":                                     list(owner),
		"filter_filename_extensions":                list("exe", "bat", "cmd", "com", "pif", "scr", "vbs", "cpl"),
		"pass_mime_types":                           list("multipart", "message/rfc822", "application/pgp-signature", "text/plain"),
	}

	// Texts that InitVars leaves empty.
	for _, k := range []string{
		"acceptable_aliases", "autoresponse_admin_text", "autoresponse_postings_text", "autoresponse_request_text", "bounce_matching_headers",
		"description", "digest_header", "dmarc_moderation_notice", "dmarc_wrapped_message_text", "equivalent_domains", "goodbye_msg", "info",
		"linked_newsgroup", "member_moderation_notice", "msg_header", "nntp_host", "nonmember_rejection_notice", "reply_to_address", "welcome_msg",
	} {
		a[k] = pickle.Str("")
	}

	// Lists that InitVars leaves empty, of addresses, types and topics.
	for _, k := range []string{
		"accept_these_nonmembers", "ban_list", "discard_these_nonmembers", "dmarc_moderation_addresses", "filter_mime_types", "header_filter_rules",
		"hold_these_nonmembers", "moderator", "pass_filename_extensions", "regular_exclude_lists", "regular_include_lists", "reject_these_nonmembers",
		"subscribe_auto_approval", "topics",
	} {
		a[k] = list()
	}

	// Dicts by member, which are empty without members.
	for _, k := range []string{
		"admin_responses", "bounce_info", "delivery_status", "digest_members", "hold_and_cmd_autoresponses", "language", "members", "one_last_digest",
		"passwords", "postings_responses", "request_responses", "topics_userinterest", "user_options", "usernames",
	} {
		a[k] = pickle.NewDict()
	}

	// Switches that are on in Defaults.py.
	for _, k := range []string{
		"admin_immed_notify", "administrivia", "advertised", "archive", "bounce_notify_owner_on_disable", "bounce_notify_owner_on_removal",
		"bounce_processing", "bounce_unrecognized_goes_to_list_owner", "collapse_alternatives", "convert_html_to_plaintext", "digest_send_periodic",
		"digestable", "dmarc_quarantine_moderation_action", "drop_cc", "forward_auto_discards", "nondigestable", "obscure_addresses",
		"regular_exclude_ignore", "require_explicit_destination", "respond_to_post_requests", "send_goodbye_msg", "send_reminders", "send_welcome_msg",
	} {
		a[k] = true
	}

	// Switches that are off in Defaults.py.
	for _, k := range []string{
		"admin_notify_mchanges", "anonymous_list", "bounce_notify_owner_on_bounce_increment", "default_member_moderation", "digest_is_default",
		"dmarc_none_moderation_action", "filter_content", "first_strip_reply_to", "mime_is_default_digest", "scrub_nondigest", "umbrella_list",
	} {
		a[k] = false
	}

	// Numbers, and choices that are numbers.
	for k, n := range map[string]int64{
		"admin_member_chunksize": 30, "archive_private": 0, "archive_volume_frequency": 1, "autorespond_admin": 0, "autorespond_postings": 0,
		"autorespond_requests": 0, "autoresponse_graceperiod": 90, "digest_last_sent_at": 0, "digest_size_threshhold": 30, "digest_volume_frequency": 1,
		"dmarc_moderation_action": 0, "emergency": 0, "encode_ascii_prefixes": 0, "filter_action": 0, "from_is_list": 0, "gateway_to_mail": 0,
		"gateway_to_news": 0, "generic_nonmember_action": 1, "include_list_post_header": 1, "include_rfc2369_headers": 1, "include_sender_header": 1,
		"last_post_time": 0, "max_days_to_hold": 0, "max_message_size": 40, "max_num_recipients": 10, "member_moderation_action": 0,
		"member_verbosity_interval": 300, "member_verbosity_threshold": 0, "new_member_options": maillist.DontReceiveDuplicates, "news_moderation": 0,
		"news_prefix_subject_too": 1, "next_digest_number": 1, "next_post_number": 1, "next_request_id": 1, "personalize": 0, "private_roster": 1,
		"reply_goes_to_list": 0, "subscribe_policy": 1, "topics_bodylines_limit": 5, "topics_enabled": 0, "unsubscribe_policy": 0, "volume": 1,
	} {
		a[k] = pickle.Int(n)
	}

	return a
}

// bounceInfo is the _BounceInfo of a member with earlier bounces.
func bounceInfo(member string, day time.Time) pickle.Value {
	date := func(t time.Time) pickle.Value {
		d := maillist.DateOf(t)
		return pickle.NewTuple(pickle.Int(d[0]), pickle.Int(d[1]), pickle.Int(d[2]))
	}

	in := pickle.NewOldInstance("Mailman.Bouncer", "_BounceInfo")
	in.SetAttr("member", pickle.Str(member))
	in.SetAttr("cookie", nil)
	in.SetAttr("score", weakScore)
	in.SetAttr("date", date(day))
	in.SetAttr("noticesleft", pickle.Int(3))
	in.SetAttr("lastnotice", date(time.Unix(24*60*60, 0)))
	return in
}

// makeList writes a list's config.pck. Its first weak members have bounced before.
func makeList(s *site.Site, name string, o Options, members, weak int) error {
	a := attributes(name, o.Now)
	for i := range members {
		// Mailman lowers the address anew for most of the dicts, so the pickle has the key as often.
		k := key(i)
		set := func(attr string, v pickle.Value) { a[attr].(*pickle.Dict).SetStr(key(i), v) }

		// Mailman keeps the address in its own case, and 0 for an address that is in lower case.
		var kept pickle.Value = pickle.Int(0)
		if cp := address(i); cp != k {
			kept = pickle.Str(cp)
		}

		roster := "members"
		if i%7 == 0 {
			roster = "digest_members"
		}

		// What Mailman has for each member: roster, options, password and language.
		a[roster].(*pickle.Dict).SetStr(k, kept)
		a["user_options"].(*pickle.Dict).SetStr(k, pickle.Int(maillist.DontReceiveDuplicates))
		set("passwords", pickle.Str(password(i)))
		set("language", pickle.Str("en"))

		// Some members have a name, and some a bounce of yesterday.
		if i%3 == 0 {
			set("usernames", pickle.Str(fmt.Sprintf("Name %d", i)))
		}

		if i%weakEvery == 0 && i < weak {
			set("bounce_info", bounceInfo(address(i), o.Now.AddDate(0, 0, -1)))
		}

		if err := o.report("members", i+1, members); err != nil {
			return err
		}
	}

	// Protocol 1, as MailList.Save writes it.
	d := pickle.NewDict()
	for attr, v := range a {
		d.SetStr(attr, v)
	}
	b, err := pickle.Dump(d, 1)
	if err != nil {
		return err
	}

	dir := filepath.Join(s.ListDataDir(), name)
	if err := os.Mkdir(dir, 0o775); err != nil {
		return err
	}

	return os.WriteFile(filepath.Join(dir, "config.pck"), b, 0o660)
}

// report calls Progress from time to time.
func (o Options) report(what string, done, total int) error {
	if o.Progress == nil || done%1000 != 0 && done != total {
		return nil
	}
	return o.Progress(what, done, total)
}
