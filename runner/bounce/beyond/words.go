package beyond

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// language has the words of mail systems in one language. A sentence
// announces a failure if it has a word of failure and one of what failed. Each is
// how words begin, in lower case; one that begins with * may begin anywhere.
type language struct {
	failures  []string
	transport []string // words of delivery itself
	objects   []string // what else fails: mailboxes, hosts, messages
	delays    []string // sentences that a delivery is still being tried
}

var languages = []language{
	{ // English
		failures: []string{"not ", "*n't ", "cannot", "unable", "fail", "error", "trouble", "problem", "impossible", "reject", "refus",
			"unsuccess", "undeliver", "abort", "unknown", "invalid", "no such", "disabled", "suspended", "full", "exceed", "over quota",
			"expired", "denied", "bounce", "returned", "gave up", "given up", "giving up", "non-existent", "nonexistent", "incorrect",
			"inactive", "unroutable", "unreachable", "blocked", "affected", "timed out"},
		transport: []string{"deliver", "undeliver", "transmi", "recipient", "returned mail", "returned message", "mail error", "mail failure", "mail fail",
			"message fail", "email fail", "e-mail fail", "failure notice", "mail system error", "reach", "bounce"},
		objects: []string{"address", "mailbox", "mail", "e-mail", "email", "message", "user", "account", "send", "sent", "inbox", "destination",
			"host", "domain", "relay", "quota", "listed"},
		delays: []string{"will be retried", "will retry", "warning only", "do not need to resend", "do not need to re-send", "need not resend",
			"still being retried", "is delayed", "been delayed", "delivery delayed", "delayed mail", "delayed delivery", "delivery status notification (delay",
			"not yet been delivered", "not been delivered yet", "attempts will continue", "attempts to deliver the message will continue",
			"will keep trying", "will continue to try", "will continue trying", "continue to attempt", "temporary failure report",
			"delivery notification: warning", "status notification: warning", "this is only a warning", "no action is required on your part",
			"will try again", "will be attempted again", "next attempt", "could not be delivered for more than"},
	},
	{ // German
		failures: []string{"nicht ", "konnte", "kann nicht", "fehl", "unzustellbar", "unbekannt", "abgelehnt", "abgewiesen", "verweigert", "ungültig",
			"voll", "überschritten", "zurückgewiesen", "zurückgesendet", "gesperrt", "existiert", "unmöglich", "kein"},
		transport: []string{"zustell", "zugestellt", "*zustellbar", "übermitt", "empfänger", "ausgeliefert", "auslieferung", "rücksendung", "erreich"},
		objects:   []string{"adresse", "*adresse", "nachricht", "mail", "e-mail", "postfach", "benutzer", "versand", "gesendet", "konto", "domain"},
		delays:    []string{"verzögert", "verzögerung", "weitere zustellversuche", "wird weiter versucht", "erneut versucht"},
	},
	{ // French
		failures: []string{"pas ", "impossible", "échec", "echec", "échou", "echou", "erreur", "inconnu", "rejet", "refus", "invalide", "plein", "dépass",
			"n'existe", "n'a pu", "n'ont pu", "inexistant", "introuvable", "aucun"},
		transport: []string{"remis", "remettre", "livr", "distribu", "acheminé", "achemin", "destinataire", "transmi", "délivr", "non remis"},
		objects:   []string{"adresse", "message", "courriel", "courrier", "mail", "e-mail", "boîte", "utilisateur", "envoy", "envoi", "compte", "domaine"},
		delays:    []string{"retardé", "retardée", "différé", "nouvelles tentatives", "sera réessay", "continuera d'essayer"},
	},
	{ // Spanish and Portuguese
		failures: []string{"no se ", "no pudo", "no ha ", "no existe", "no fue", "no es", "não", "nao ", "error", "erro ", "erro:", "fall", "falh", "fracas",
			"desconocid", "desconhecid", "rechaz", "rejeit", "recus", "inválid", "invalid", "imposible", "impossível", "llen", "chei", "exced",
			"inexistente", "devuelto", "devolvid", "sin éxito"},
		transport: []string{"entreg", "destinatari", "destinatári", "recipiente", "transmi", "devuelto", "devolvid"},
		objects: []string{"dirección", "direccion", "endereço", "endereco", "mensaje", "mensagem", "correo", "correio", "buzón", "buzon", "caixa",
			"usuario", "usuário", "cuenta", "conta", "envi", "e-mail", "mail", "dominio", "domínio"},
		delays: []string{"retrasad", "atrasad", "demorad", "se volverá a intentar", "se seguirá intentando", "novas tentativas", "adiad"},
	},
	{ // Italian
		failures:  []string{"non ", "impossibile", "errore", "fallit", "fallimento", "sconosciut", "rifiutat", "respint", "inesistente", "pien", "superat", "mancat"},
		transport: []string{"consegn", "recapit", "destinatari", "trasmess"},
		objects:   []string{"indirizzo", "messaggio", "casella", "utente", "posta", "mail", "e-mail", "inviat", "account", "dominio"},
		delays:    []string{"ritardat", "in ritardo", "ulteriori tentativi", "verrà ritentat"},
	},
	{ // Dutch
		failures:  []string{"niet ", "kon ", "kan ", "fout", "mislukt", "onbekend", "geweigerd", "afgewezen", "ongeldig", "vol ", "onbestelbaar", "bestaat"},
		transport: []string{"bezorg", "aflever", "afgeleverd", "bestelbaar", "onbestelbaar", "ontvanger", "geadresseerde"},
		objects:   []string{"adres", "*adres", "bericht", "mail", "e-mail", "postvak", "gebruiker", "verzonden", "verstuurd", "domein"},
		delays:    []string{"vertraagd", "vertraging", "opnieuw geprobeerd"},
	},
	{ // Polish, Czech, Slovak
		failures: []string{"nie ", "błąd", "nieznan", "odrzuc", "niepowodz", "nieprawidłow", "przepełn", "pełn", "niedostarcz",
			"není", "nelze", "nebyl", "nepodařil", "nepodarilo", "chyb", "neznám", "odmítn", "odmietn", "nedoruč", "neexist", "pln"},
		transport: []string{"dostarcz", "doręcz", "odbiorc", "adresat", "niedostarcz", "doruč", "nedoruč", "příjemc", "príjemc"},
		objects:   []string{"adres", "wiadomoś", "poczt", "skrzynk", "użytkownik", "konto", "zpráv", "správ", "schránk", "uživatel", "mail", "e-mail"},
		delays:    []string{"opóźni", "ponowna próba", "zpožd", "odložen"},
	},
	{ // Russian, Ukrainian, Bulgarian
		failures: []string{"не ", "невозможн", "ошибк", "отклон", "отказ", "неизвестн", "неверн", "переполн", "не существует", "недоставлен",
			"неможлив", "помилк", "невідом", "грешка", "неуспеш", "неудач"},
		transport: []string{"доставл", "доставк", "доставит", "недоставлен", "получател", "адресат", "одержувач", "доставен", "достав"},
		objects:   []string{"адрес", "сообщени", "письм", "почт", "ящик", "пользовател", "отправ", "повідомлен", "лист"},
		delays:    []string{"задержан", "задержк", "повторные попытки", "будет повторен", "затриман"},
	},
	{ // Swedish, Danish, Norwegian
		failures: []string{"inte ", "ikke ", "kunde", "kunne", "misslyck", "mislyk", "fel ", "fejl", "feil", "okänd", "ukendt", "ukjent", "avvisad", "afvist",
			"avvist", "ogiltig", "ugyldig", "full", "fuld"},
		transport: []string{"lever", "mottagare", "modtager", "mottaker", "olevererbar"},
		objects:   []string{"adress", "adresse", "meddelande", "meddelelse", "melding", "brevlåda", "postkasse", "använd", "bruger", "bruker", "mail", "e-post"},
		delays:    []string{"fördröj", "försen", "forsinke", "prøver igen", "försöka igen"},
	},
	{ // Finnish, Hungarian, Turkish
		failures: []string{"ei ", "virhe", "epäonnistu", "tuntematon", "hylät", "täynnä",
			"nem ", "hiba", "sikertelen", "ismeretlen", "visszautasít", "megtelt", "kézbesíthetetlen",
			"edilemedi", "*ilemedi", "*lamadı", "hata", "başarısız", "bilinmeyen", "reddedil", "geçersiz", "dolu"},
		transport: []string{"toimit", "perille", "vastaanottaj", "kézbesít", "címzett", "teslim", "alıcı", "ilet"},
		objects:   []string{"osoit", "viesti", "postilaatik", "käyttäj", "üzenet", "postafiók", "felhasznál", "levél", "adres", "mesaj", "posta", "kullanıcı"},
		delays:    []string{"viivästy", "késleltet", "késik", "gecik", "yeniden dene"},
	},
	{ // Japanese
		failures: []string{"*できません", "*できなかった", "*出来ません", "*失敗", "*エラー", "*不明", "*見つか", "*存在し", "*拒否", "*一杯", "*いっぱい",
			"*届き", "*返送", "*不達", "*配信不能", "*配達不能", "*誤り", "*ありません", "*超え", "*オーバー", "*停止", "*無効", "*戻"},
		transport: []string{"*送信", "*配信", "*配送", "*配達", "*宛先", "*あて先", "*宛て先", "*不達", "*届き", "*メールエラー", "*エラーメール"},
		objects:   []string{"*アドレス", "*受信", "*メール", "*メッセージ", "*ユーザ", "*ホスト", "*ドメイン", "*サーバ", "*ディレクトリ"},
		delays:    []string{"*再送を試み", "*再送を続け", "*再送いたします", "*再送します", "*再送信を試み", "*再送信を続け", "*再試行します", "*再試行を続け", "*遅延", "*遅れて", "*警告のみ"},
	},
	{ // Chinese
		failures:  []string{"*无法", "*未能", "*失败", "*错误", "*不存在", "*被拒", "*拒绝", "*退信", "*退回", "*已满", "*無法", "*失敗", "*錯誤", "*拒絕", "*已滿", "*不能", "*无效", "*未知"},
		transport: []string{"*投递", "*递送", "*送达", "*收件人", "*投遞", "*遞送", "*送達", "*寄送", "*退信", "*传递", "*傳遞", "*发送", "*發送"},
		objects:   []string{"*邮件", "*地址", "*邮箱", "*用户", "*郵件", "*信箱", "*用戶", "*使用者", "*域名", "*信件"},
		delays:    []string{"*延迟", "*延遲", "*将继续尝试", "*會繼續嘗試", "*会继续尝试", "*將繼續嘗試", "*系统将重试", "*仍将重试"},
	},
	{ // Korean
		failures:  []string{"*못했", "*못하", "*실패", "*오류", "*없습니다", "*없는", "*거부", "*반송", "*초과", "*할 수 없"},
		transport: []string{"*배달", "*전달", "*전송", "*수신자", "*받는 사람", "*반송", "*발송"},
		objects:   []string{"*메일", "*메시지", "*주소", "*사서함", "*사용자", "*도메인"},
		delays:    []string{"*지연", "*계속 시도", "*다시 시도할"},
	},
}

// Labels of addresses that are no recipients.
var (
	senderLabels = []string{" from:", " from ", " from\t", "mail from", "sender", "return-path", "reply-to", "reply to", "envelope-from", "envelope from",
		"sent by", " by ", " von:", " von ", "absender", " de:", "expéditeur", "expediteur", "remitente", " da:", "mittente", "remetente", " van:", "afzender",
		"nadawca", "отправител", " от:", "差出人", "送信者", "送信元", "发件人", "寄件人", "寄件者", "發件人", "보낸"}
	outsideLabels = []string{"message-id", "message id", "messageid", "queue-id", "queue id", " id ", " id:", " id=", "mailto:", "http:", "https:"}
	// Fields of a summary of the message: its addressees, not those that failed.
	summaryLabels = []string{"to:", "cc:", "an:", "à:", "para:", "aan:", "do:", "кому:", "newsgroups:", "subject:", "subj:"}
	contacts      = []string{"contact", "assistance", "help", "support", "question", "please send", "please write", "please forward", "please mail",
		"please e-mail", "please email", "complain", "unsubscribe", "wenden sie", "kontakt", "hilfe", "fragen", "aide ", "adressez", "contacte",
		"contáct", "ayuda", "soporte", "contatt", "assistenza", "contat", "ajuda", "suporte", "hulp ", "vragen", "pomoc", "обратит",
		"свяжит", "помощ", "поддержк"}
	// These stand behind an address, or before it.
	contactsAround = []string{"問い合わせ", "問合せ", "連絡", "サポート", "联系", "聯絡", "聯繫", "문의"}
)

// recipientLabels call an address the recipient.
var recipientLabels = []string{"expanded from", "generated from", "rcpt to", "rcpt:", "recipient", "addressee", "empfänger", "destinataire", "destinatari", "destinatári",
	"ontvanger", "odbiorca", "получател", "宛先", "あて先", "宛て先", "收件人", "收件者", "받는"}

// successes are in lines that report a success.
var successes = []string{"successful", "was delivered", "been delivered", "were delivered", "delivered ok", "accepted for delivery", "relayed", "sent (",
	"message accepted", "erfolgreich", "zugestellt an"}

// announces tells whether a sentence says that something could not be delivered.
// It is in lower case, with single spaces.
func announces(sentence string) bool {
	for i := range languages {
		l := &languages[i]
		if hasWord(sentence, l.failures) && (hasWord(sentence, l.transport) || hasWord(sentence, l.objects)) {
			return true
		}
	}
	return false
}

// announcesDelivery is announces for a text that says a bit more of itself: that
// it is about delivery.
func announcesDelivery(subject string) bool {
	for i := range languages {
		l := &languages[i]
		if hasWord(subject, l.failures) && hasWord(subject, l.transport) {
			return true
		}
	}
	return false
}

// delays tells whether a sentence says that a delivery will be tried again.
func delays(sentence string) bool {
	for i := range languages {
		if hasWord(sentence, languages[i].delays) {
			return true
		}
	}
	return false
}

// hasWord tells whether words in a text begin with any of some stems.
func hasWord(s string, stems []string) bool {
	for _, stem := range stems {
		if anywhere, ok := strings.CutPrefix(stem, "*"); ok {
			if strings.Contains(s, anywhere) {
				return true
			}
			continue
		}

		for from := 0; ; {
			i := strings.Index(s[from:], stem)
			if i < 0 {
				break
			}

			i += from
			if r, _ := utf8.DecodeLastRuneInString(s[:i]); i == 0 || !unicode.IsLetter(r) {
				return true
			}
			from = i + len(stem)
		}
	}

	return false
}
