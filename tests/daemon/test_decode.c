/* perch decode: what each response becomes, by the RFCs and by perch-json(7).
 *
 * In the tables ' stands for ", a line ends in CR LF, and each row's lines are compared
 * byte for byte. */
#include "support/failmem.h"
#include "support/perch_test.h"

#include "daemon/cli_run.h"

#include "base/b64.h"
#include "base/buf.h"
#include "perch/error.h"

#include <jansson.h>

/* "* OK ..." and the like, the code's and the text's JSON. */
#define UNTAGGED(type, members) "{'kind':'untagged','type':'" type "'," members "}\n"
#define OK_CODE(name, value)                                                                       \
    UNTAGGED("OK", "'code':{'name':'" name "','value':" value "},'text':'x'")
#define TAGGED(status, code, text)                                                                 \
    "{'kind':'tagged','tag':'A1','status':'" status "','code':" code ",'text':'" text "'}\n"
#define FETCH(items) "{'kind':'untagged','type':'FETCH','seq':12,'items':{" items "}}\n"

#define ENVELOPE_REST                                                                              \
    "'sender':null,'reply_to':null,'to':null,'cc':null,'bcc':null,'in_reply_to':null,"
#define NO_EXTENSION "'disposition':null,'languages':null,'location':null"

static const struct row {
    const char *in, *want;
} rows[] = {
    /* status responses */
    {"* OK IMAP4rev1 server ready", UNTAGGED("OK", "'code':null,'text':'IMAP4rev1 server ready'")},
    {"* PREAUTH [ALERT] logged in",
     UNTAGGED("PREAUTH", "'code':{'name':'ALERT','value':null},'text':'logged in'")},
    {"* BYE Autologout", UNTAGGED("BYE", "'code':null,'text':'Autologout'")},
    {"* NO Disk is 98% full", UNTAGGED("NO", "'code':null,'text':'Disk is 98% full'")},
    {"* BAD Command line too long", UNTAGGED("BAD", "'code':null,'text':'Command line too long'")},
    {"* OK text may end in {5}", UNTAGGED("OK", "'code':null,'text':'text may end in {5}'")},
    {"* OK caf\xe9", UNTAGGED("OK", "'code':null,'text':{'base64':'Y2Fm6Q=='}")},
    {"A1 OK done", TAGGED("OK", "null", "done")},
    {"A1 NO [NONEXISTENT] no such", TAGGED("NO", "{'name':'NONEXISTENT','value':null}", "no such")},
    {"A1 ok [read-write] done", TAGGED("OK", "{'name':'READ-WRITE','value':null}", "done")},
    {"A1 BAD unknown", TAGGED("BAD", "null", "unknown")},
    {"+ idling", "{'kind':'continuation','text':'idling'}\n"},
    {"+ PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2U+",
     "{'kind':'continuation','text':'PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2U+'}\n"},
    {"+ ", "{'kind':'continuation','text':''}\n"},
    {"+ [ALERT] go", "{'kind':'continuation','code':{'name':'ALERT','value':null},'text':'go'}\n"},
    /* codes */
    {"* OK [UIDNEXT 4392] x", OK_CODE("UIDNEXT", "4392")},
    {"* OK [UIDVALIDITY 3857529045] x", OK_CODE("UIDVALIDITY", "3857529045")},
    {"* OK [UNSEEN 12] x", OK_CODE("UNSEEN", "12")},
    {"* OK [HIGHESTMODSEQ 715194045007] x", OK_CODE("HIGHESTMODSEQ", "715194045007")},
    {"* OK [NOMODSEQ] x", OK_CODE("NOMODSEQ", "null")},
    {"* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] x",
     OK_CODE("PERMANENTFLAGS", "['\\\\Deleted','\\\\Seen','\\\\*']")},
    {"* OK [CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN] x",
     OK_CODE("CAPABILITY", "['IMAP4rev1','IDLE','AUTH=PLAIN']")},
    {"* OK [APPENDUID 38505 3955] x", OK_CODE("APPENDUID", "{'uidvalidity':38505,'uids':'3955'}")},
    {"* OK [COPYUID 38505 304,319:320 3956:3958] x",
     OK_CODE("COPYUID", "{'uidvalidity':38505,'source':'304,319:320','dest':'3956:3958'}")},
    {"* OK [MODIFIED 7,9,8] x", OK_CODE("MODIFIED", "'7:9'")},
    {"* OK [BADCHARSET (US-ASCII UTF-8)] x", OK_CODE("BADCHARSET", "['US-ASCII','UTF-8']")},
    {"* OK [MAILBOXID (F2212ea87-6097-4256-9d51-71338625)] x",
     OK_CODE("MAILBOXID", "'F2212ea87-6097-4256-9d51-71338625'")},
    {"* OK [REFERRAL imap://anna@b.example/] x", OK_CODE("REFERRAL", "'imap://anna@b.example/'")},
    {"* OK [INPROGRESS ('A1' 454 1000)] x",
     OK_CODE("INPROGRESS", "{'tag':'A1','done':454,'goal':1000}")},
    {"* OK [INPROGRESS (NIL 5 NIL)] x", OK_CODE("INPROGRESS", "{'tag':null,'done':5,'goal':null}")},
    {"* OK [METADATA LONGENTRIES 2199] x",
     OK_CODE("METADATA", "{'word':'LONGENTRIES','number':2199}")},
    {"* OK [METADATA NOPRIVATE] x", OK_CODE("METADATA", "{'word':'NOPRIVATE','number':null}")},
    {"* OK [MESSAGELIMIT 1000 23221] x", OK_CODE("MESSAGELIMIT", "{'limit':1000,'uid':23221}")},
    {"* OK [x-new thing 7] x", OK_CODE("X-NEW", "'thing 7'")},
    {"* OK [UNKNOWN-CTE] x", OK_CODE("UNKNOWN-CTE", "null")},
    {"* OK [] x", OK_CODE("", "null")},
    /* lists of words */
    {"* CAPABILITY IMAP4rev2 STARTTLS", UNTAGGED("CAPABILITY", "'value':['IMAP4rev2','STARTTLS']")},
    {"* ENABLED CONDSTORE", UNTAGGED("ENABLED", "'value':['CONDSTORE']")},
    {"* FLAGS (\\Answered $Junk)", UNTAGGED("FLAGS", "'value':['\\\\Answered','$Junk']")},
    {"* LANGUAGE ('EN' 'DE')", UNTAGGED("LANGUAGE", "'value':['EN','DE']")},
    {"* JMAPACCESS 'https://example.com/jmap'",
     UNTAGGED("JMAPACCESS", "'value':'https://example.com/jmap'")},
    /* numbers */
    {"* 23 EXISTS", UNTAGGED("EXISTS", "'value':23")},
    {"* 0 recent", UNTAGGED("RECENT", "'value':0")},
    {"* 44 EXPUNGE", UNTAGGED("EXPUNGE", "'value':44")},
    {"* VANISHED (EARLIER) 41,43:116,42", UNTAGGED("VANISHED", "'earlier':true,'uids':'41:116'")},
    {"* VANISHED 405,407,410,425",
     UNTAGGED("VANISHED", "'earlier':false,'uids':'405,407,410,425'")},
    /* an object's key that is NIL */
    {"* 1 FETCH (BODY ('A' 'B' (NIL 'v' '' 'w') NIL NIL '7BIT' 1))",
     UNTAGGED("FETCH", "'seq':1,'items':{'BODY':{'type':'A','subtype':'B','params':{'':'v','':'w'},"
                       "'id':null,'description':null,'encoding':'7BIT','size':1}}")},
    /* mailboxes */
    {"* LIST (\\Noselect) '/' ''",
     UNTAGGED("LIST", "'flags':['\\\\Noselect'],'delimiter':'/','mailbox':'','extended':null")},
    {"* LIST () NIL INBOX",
     UNTAGGED("LIST", "'flags':[],'delimiter':null,'mailbox':'INBOX','extended':null")},
    {"* LSUB () '.' 'Entw&APw-rfe'",
     UNTAGGED("LSUB", "'flags':[],'delimiter':'.','mailbox':'Entwürfe','extended':null")},
    {"* LIST () '\\\\' 'a&b'",
     UNTAGGED("LIST", "'flags':[],'delimiter':'\\\\','mailbox':'a&b','raw':'a&b','extended':null")},
    {"* XLIST (\\HasNoChildren \\AllMail) '/' '[Gmail]/All'",
     UNTAGGED("XLIST", "'flags':['\\\\HasNoChildren','\\\\AllMail'],'delimiter':'/"
                       "','mailbox':'[Gmail]/All','extended':null")},
    {"* LIST () '/' 'Foo' ('CHILDINFO' ('SUBSCRIBED'))",
     UNTAGGED("LIST", "'flags':[],'delimiter':'/"
                      "','mailbox':'Foo','extended':{'CHILDINFO':['SUBSCRIBED'],'raw':'(\\'"
                      "CHILDINFO\\' (\\'SUBSCRIBED\\'))'}")},
    {"* LIST () '/' 'NewMailbox' ('OLDNAME' ('OldMailbox'))",
     UNTAGGED("LIST", "'flags':[],'delimiter':'/"
                      "','mailbox':'NewMailbox','extended':{'OLDNAME':'OldMailbox','raw':'(\\'"
                      "OLDNAME\\' (\\'OldMailbox\\'))'}")},
    {"* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292 APPENDLIMIT NIL)",
     UNTAGGED(
         "STATUS",
         "'mailbox':'blurdybloop','items':{'MESSAGES':231,'UIDNEXT':44292,'APPENDLIMIT':null}")},
    {"* STATUS 'b' (HIGHESTMODSEQ 7011231777 SIZE 4294967296 MAILBOXID (F1) X-NEW 7)",
     UNTAGGED("STATUS", "'mailbox':'b','items':{'HIGHESTMODSEQ':7011231777,'SIZE':4294967296,'"
                        "MAILBOXID':'F1','X-NEW':'7'}")},
    {"* NAMESPACE (('' '/')) NIL (('Public Folders/' '/')('#news.' '.'))",
     UNTAGGED("NAMESPACE",
              "'personal':[{'prefix':'','delimiter':'/"
              "','extension':null}],'other':null,'shared':[{'prefix':'Public "
              "Folders/','delimiter':'/"
              "','extension':null},{'prefix':'#news.','delimiter':'.','extension':null}]")},
    {"* ACL INBOX Fred rwipslda test rwi",
     UNTAGGED("ACL", "'mailbox':'INBOX','entries':[{'identifier':'Fred','rights':'rwipslda'},{'"
                     "identifier':'test','rights':'rwi'}]")},
    {"* LISTRIGHTS ~/Mail/saved smith la r swicdkxte",
     UNTAGGED("LISTRIGHTS",
              "'mailbox':'~/Mail/"
              "saved','identifier':'smith','required':'la','optional':['r','swicdkxte']")},
    {"* MYRIGHTS INBOX rwiptsldaex",
     UNTAGGED("MYRIGHTS", "'mailbox':'INBOX','rights':'rwiptsldaex'")},
    {"* QUOTA '!partition/sda4' (STORAGE 104 10923847)",
     UNTAGGED(
         "QUOTA",
         "'root':'!partition/sda4','resources':[{'name':'STORAGE','usage':104,'limit':10923847}]")},
    {"* QUOTAROOT INBOX '' 'user.smith'",
     UNTAGGED("QUOTAROOT", "'mailbox':'INBOX','roots':['','user.smith']")},
    {"* METADATA 'INBOX' (/private/comment 'My own comment' /shared/comment NIL)",
     UNTAGGED("METADATA", "'mailbox':'INBOX','entries':[{'name':'/private/comment','value':'My own "
                          "comment'},{'name':'/shared/comment','value':null}]")},
    {"* METADATA '' /shared/comment",
     UNTAGGED("METADATA", "'mailbox':'','entries':[{'name':'/shared/comment'}]")},
    {"* ID ('name' 'Cyrus' 'os-version' NIL)",
     UNTAGGED("ID", "'value':{'name':'Cyrus','os-version':null}")},
    {"* ID NIL", UNTAGGED("ID", "'value':null")},
    /* searching */
    {"* SEARCH 2 84 882", UNTAGGED("SEARCH", "'set':'2,84,882','modseq':null")},
    {"* SEARCH", UNTAGGED("SEARCH", "'set':'','modseq':null")},
    {"* SEARCH 5 2 3 4 (MODSEQ 917162500)", UNTAGGED("SEARCH", "'set':'2:5','modseq':917162500")},
    {"* SORT 5 3 4 1 2", UNTAGGED("SORT", "'set':'1:5','order':[5,3,4,1,2],'modseq':null")},
    {"* ESEARCH (TAG 'A282') MIN 2 COUNT 3",
     UNTAGGED("ESEARCH", "'tag':'A282','uid':false,'min':2,'max':null,'count':3,'all':null,'modseq'"
                         ":null,'partial':null")},
    {"* ESEARCH (TAG 'a') UID ALL 17,900,901 MODSEQ 4294967299",
     UNTAGGED("ESEARCH", "'tag':'a','uid':true,'min':null,'max':null,'count':null,'all':'17,900:"
                         "901','modseq':4294967299,'partial':null")},
    {"* ESEARCH", UNTAGGED("ESEARCH", "'tag':null,'uid':false,'min':null,'max':null,'count':null,'"
                                      "all':null,'modseq':null,'partial':null")},
    {"* ESEARCH (TAG 'A01') UID PARTIAL (-1:-100 200,199)",
     UNTAGGED("ESEARCH", "'tag':'A01','uid':true,'min':null,'max':null,'count':null,'all':null,'"
                         "modseq':null,'partial':{'range':'-1:-100','set':'199:200'}")},
    {"* ESEARCH (TAG 'A03') PARTIAL (23500:24000 NIL)",
     UNTAGGED("ESEARCH", "'tag':'A03','uid':false,'min':null,'max':null,'count':null,'all':null,'"
                         "modseq':null,'partial':{'range':'23500:24000','set':null}")},
    {"* ESEARCH (TAG 'C01') UID ADDTO (0 32768:32769) REMOVEFROM (1 7)",
     UNTAGGED("ESEARCH", "'tag':'C01','uid':true,'min':null,'max':null,'count':null,'all':null,'"
                         "modseq':null,'partial':null,'updates':[{'change':'ADDTO','position':0,'"
                         "set':'32768:32769'},{'change':'REMOVEFROM','position':1,'set':'7'}]")},
    {"* ESEARCH (TAG 'tag1' MAILBOX 'folder1' UIDVALIDITY 1) UID ALL 4001,4003",
     UNTAGGED("ESEARCH", "'tag':'tag1','mailbox':'folder1','uidvalidity':1,'uid':true,'min':null,'"
                         "max':null,'count':null,'all':'4001,4003','modseq':null,'partial':null")},
    {"* ESEARCH (TAG 'b') UID ALL 9,3,5",
     UNTAGGED("ESEARCH", "'tag':'b','uid':true,'min':null,'max':null,'count':null,'all':'3,5,9','"
                         "order':[9,3,5],'modseq':null,'partial':null")},
    {"* THREAD (2)(3 6 (4 23)(44 7 96))",
     UNTAGGED("THREAD", "'value':[[2],[3,6,[4,23],[44,7,96]]]")},
    {"* THREAD ((3)(5))", UNTAGGED("THREAD", "'value':[[[3],[5]]]")},
    {"* THREAD (1 (2)(3 (4)(5 6)))(7)", UNTAGGED("THREAD", "'value':[[1,[2],[3,[4],[5,6]]],[7]]")},
    {"* THREAD", UNTAGGED("THREAD", "'value':[]")},
    /* FETCH */
    {"* 12 FETCH (FLAGS (\\Seen $x) UID 4827313)",
     FETCH("'UID':4827313,'FLAGS':['\\\\Seen','$x']")},
    {"* 12 FETCH (MODSEQ (624140003) RFC822.SIZE 44827 INTERNALDATE '17-Jul-1996 02:44:25 -0700')",
     FETCH("'MODSEQ':624140003,'INTERNALDATE':'17-Jul-1996 02:44:25 -0700','RFC822.SIZE':44827")},
    {"* 12 FETCH (EMAILID (M6d99ac3275bb4e) THREADID NIL SAVEDATE NIL)",
     FETCH("'EMAILID':'M6d99ac3275bb4e','THREADID':null,'SAVEDATE':null")},
    {"* 12 FETCH (PREVIEW 'Grüße')", FETCH("'PREVIEW':'Grüße'")},
    {"* 12 FETCH (X-GM-MSGID 18446744073709551615 X-GM-LABELS (\\Inbox 'Entw&APw-rfe'))",
     FETCH("'X-GM-MSGID':18446744073709551615,'X-GM-LABELS':['\\\\Inbox','Entwürfe']")},
    {"* 12 FETCH (X-NEW (a (b)) X-NIL NIL)", FETCH("'X-NEW':'(a (b))','X-NIL':null")},
    {"* 12 FETCH (BODY[HEADER] {3}\r\nabc FLAGS ())",
     FETCH("'FLAGS':[],'BODY[HEADER]':{'size':3,'base64':'YWJj'}")},
    {"* 12 FETCH (body[header.fields (Subject)]<0> 'abc' BODY[TEXT] NIL)",
     FETCH("'BODY[HEADER.FIELDS (Subject)]<0>':{'size':3,'base64':'YWJj'},'BODY[TEXT]':null")},
    {"* 12 FETCH (RFC822.TEXT '' BINARY[1] ~{3}\r\n\001\002\377 BINARY.SIZE[1.2] 4096)",
     FETCH("'BINARY.SIZE[1.2]':4096,'RFC822.TEXT':{'size':0,'base64':''},'BINARY[1]':{'size':3,'"
           "base64':'AQL/'}")},
    {"* 25996 UIDFETCH (FLAGS (\\Seen))",
     UNTAGGED("UIDFETCH", "'uid':25996,'items':{'FLAGS':['\\\\Seen']}")},
    {"* 12 FETCH (ENVELOPE ('Mon, 7 Feb 1994 21:52:25 -0800' 'Hello' (('Anna' NIL 'anna' "
     "'example.org')) NIL NIL NIL NIL NIL NIL '<a@b>'))",
     FETCH("'ENVELOPE':{'date':'Mon, 7 Feb 1994 21:52:25 "
           "-0800','subject':'Hello','from':[{'name':'Anna','adl':null,'mailbox':'anna','host':'"
           "example.org'}]," ENVELOPE_REST "'message_id':'<a@b>'}")},
    {"* 12 FETCH (ENVELOPE (NIL '=?utf-8?Q?Gr=C3=BC=C3=9Fe?=' (('=?iso-8859-1?Q?M=FCller?=' NIL "
     "'m' 'x')) NIL NIL NIL NIL NIL NIL NIL))",
     FETCH("'ENVELOPE':{'date':null,'subject':'Grüße','subject_raw':'=?utf-8?Q?Gr=C3=BC=C3=9Fe?=','"
           "from':[{'name':'Müller','name_raw':'=?iso-8859-1?Q?M=FCller?=','adl':null,'mailbox':'m'"
           ",'host':'x'}]," ENVELOPE_REST "'message_id':null}")},
    {"* 12 FETCH (ENVELOPE (NIL {5}\r\nGr\374\337e NIL NIL NIL NIL NIL NIL NIL NIL))",
     FETCH("'ENVELOPE':{'date':null,'subject':'Grüße','subject_raw':{'base64':'R3L832U='},'from':"
           "null," ENVELOPE_REST "'message_id':null}")},
    {"* 12 FETCH (ENVELOPE (NIL NIL ((NIL NIL 'team' NIL)(NIL NIL 'a' 'x')(NIL NIL NIL NIL)) NIL "
     "NIL NIL NIL NIL NIL NIL))",
     FETCH("'ENVELOPE':{'date':null,'subject':null,'from':[{'name':null,'adl':null,'mailbox':'team'"
           ",'host':null},{'name':null,'adl':null,'mailbox':'a','host':'x'},{'name':null,'adl':"
           "null,'mailbox':null,'host':null}]," ENVELOPE_REST "'message_id':null}")},
    {"* 12 FETCH (BODY ('TEXT' 'PLAIN' ('CHARSET' 'US-ASCII') NIL NIL '7BIT' 3028 92))",
     FETCH("'BODY':{'type':'TEXT','subtype':'PLAIN','params':{'CHARSET':'US-ASCII'},'id':null,'"
           "description':null,'encoding':'7BIT','size':3028,'lines':92}")},
    {"* 12 FETCH (BODYSTRUCTURE ('APPLICATION' 'PDF' ('NAME' 'a.pdf') '<i>' 'd' 'BASE64' 1234 "
     "'md5' ('ATTACHMENT' ('FILENAME' 'a.pdf')) ('en' 'de') 'loc'))",
     FETCH(
         "'BODYSTRUCTURE':{'type':'APPLICATION','subtype':'PDF','params':{'NAME':'a.pdf'},'id':'<i>"
         "','description':'d','encoding':'BASE64','size':1234,'md5':'md5','disposition':{'type':'"
         "ATTACHMENT','params':{'FILENAME':'a.pdf'}},'languages':['en','de'],'location':'loc'}")},
    {"* 12 FETCH (BODYSTRUCTURE (('TEXT' 'HTML' NIL NIL NIL '8BIT' 1 1 NIL NIL NIL NIL)('IMAGE' "
     "'PNG' NIL NIL NIL 'BASE64' 2 NIL NIL NIL NIL) 'RELATED' ('BOUNDARY' 'b') NIL NIL NIL))",
     FETCH("'BODYSTRUCTURE':{'type':'MULTIPART','subtype':'RELATED','parts':[{'type':'TEXT','"
           "subtype':'HTML','params':null,'id':null,'description':null,'encoding':'8BIT','size':1,'"
           "lines':1,'md5':null," NO_EXTENSION
           "},{'type':'IMAGE','subtype':'PNG','params':null,'id':null,'description':null,'encoding'"
           ":'BASE64','size':2,'md5':null," NO_EXTENSION
           "}],'params':{'BOUNDARY':'b'}," NO_EXTENSION "}")},
    {"* 12 FETCH (BODY ('MESSAGE' 'RFC822' NIL NIL NIL '7BIT' 300 (NIL 'in' NIL NIL NIL NIL NIL "
     "NIL NIL NIL) ('TEXT' 'PLAIN' NIL NIL NIL '7BIT' 5 1) 9))",
     FETCH("'BODY':{'type':'MESSAGE','subtype':'RFC822','params':null,'id':null,'description':null,"
           "'encoding':'7BIT','size':300,'envelope':{'date':null,'subject':'in','from':"
           "null," ENVELOPE_REST
           "'message_id':null},'body':{'type':'TEXT','subtype':'PLAIN','params':null,'id':null,'"
           "description':null,'encoding':'7BIT','size':5,'lines':1},'lines':9}")},
    /* what nobody knows */
    {"* XFOO bar (baz 'x')", UNTAGGED("XFOO", "'raw':'* XFOO bar (baz \\'x\\')'")},
    {"* 5 xbar", UNTAGGED("XBAR", "'raw':'* 5 xbar'")},
};

/* ' to ", and CR LF behind an input. */
static void add(struct perch_buf *out, const char *text, const char *end)
{
    for (; *text; text++)
        perch_buf_addc(out, *text == '\'' ? '"' : *text);
    perch_buf_adds(out, end);
}

static struct run decode_with(const struct perch_buf *in, const char *option)
{
    const char *words[] = {"perch", "decode", option, NULL};

    return run_on(0, (const char *)perch_buf_data(in), in->len, words);
}

static void check(const char *what, const char *in, const char *end, const char *option, int status,
                  const char *want_text)
{
    struct perch_buf bytes = PERCH_BUF_INIT, want = PERCH_BUF_INIT;
    struct run r;

    add(&bytes, in, end);
    add(&want, want_text, "");
    r = decode_with(&bytes, option);
    if (r.status != status || strcmp(r.out, perch_buf_cstr(&want)) != 0 || *r.err)
        FAIL_ROW("%s: %d\n  have %s  want %s  %s", what, r.status, r.out, perch_buf_cstr(&want),
                 r.err);
    run_done(&r);
    perch_buf_done(&bytes);
    perch_buf_done(&want);
}

static void test_each_response(void)
{
    for (size_t i = 0; i < PERCH_COUNT(rows); i++)
        check(rows[i].in, rows[i].in, "\r\n", NULL, CLI_OK, rows[i].want);
}

/* All of them in one stream, often enough that every kind is cut by the end of a read. */
static void test_a_stream_is_the_sum_of_its_responses(void)
{
    struct perch_buf in = PERCH_BUF_INIT, want = PERCH_BUF_INIT;
    struct run r;

    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < PERCH_COUNT(rows); i++) {
            add(&in, rows[i].in, "\r\n");
            add(&want, rows[i].want, "");
        }
    }
    CU_ASSERT(in.len > 8 * 64 * 1024);
    r = decode_with(&in, NULL);
    ASSERT_INT(r.status, CLI_OK);
    CU_ASSERT(strcmp(r.out, perch_buf_cstr(&want)) == 0);
    run_done(&r);
    perch_buf_done(&in);
    perch_buf_done(&want);
}

/* ---- UTF8=ACCEPT ---- */

static void test_names_behind_utf8_accept(void)
{
    check(
        "utf8", "* LIST () '/' 'Entwürfe & mehr'", "\r\n", "--utf8", CLI_OK,
        UNTAGGED("LIST", "'flags':[],'delimiter':'/','mailbox':'Entwürfe & mehr','extended':null"));
    check("utf8, looks like UTF-7", "* LIST () '/' 'Entw&APw-rfe'", "\r\n", "--utf8", CLI_OK,
          UNTAGGED("LIST", "'flags':[],'delimiter':'/','mailbox':'Entw&APw-rfe','extended':null"));
    check("utf8 labels", "* 12 FETCH (X-GM-LABELS ('a&-b'))", "\r\n", "--utf8", CLI_OK,
          FETCH("'X-GM-LABELS':['a&-b']"));
}

/* ---- malformed ---- */

static void test_a_malformed_response_costs_only_itself(void)
{
    /* "* 1 EXISTS\r\n" is 12 bytes; base64 of "garbage here\r\n" and of "* EXISTS\r\n" */
    check("malformed", "* 1 EXISTS\r\ngarbage here\r\n* EXISTS\r\n* 3 EXISTS", "\r\n", NULL,
          CLI_UNWELL,
          UNTAGGED("EXISTS",
                   "'value':1") "{'kind':'malformed','offset':12,'reason':'a line that is no "
                                "response','base64':'Z2FyYmFnZSBoZXJlDQo='}\n"
                                "{'kind':'malformed','offset':26,'reason':'a response without its "
                                "number','base64':'KiBFWElTVFMNCg=='}\n" UNTAGGED("EXISTS",
                                                                                  "'value':3"));
}

static void test_a_stream_that_ends_inside_a_response(void)
{
    check("cut", "* 1 EXISTS\r\n* 2 EX", "", NULL, CLI_UNWELL,
          UNTAGGED("EXISTS", "'value':1") "{'kind':'malformed','offset':12,'reason':'the stream "
                                          "ended inside a response','base64':'KiAyIEVY'}\n");
}

static void test_an_empty_stream_is_nothing(void)
{
    struct run r = RUN("decode");

    ASSERT_INT(r.status, CLI_OK);
    ASSERT_STR(r.out, "");
    run_done(&r);
}

/* The line began in an earlier read: its offset and its bytes are whole all the same. */
static void test_a_line_that_is_given_up_is_shown_from_its_beginning(void)
{
    static const char line[] = "* 1 FETCH (X \"y\" BODY[] {99999999999999999999999}\r\n";
    struct perch_buf in = PERCH_BUF_INIT, want = PERCH_BUF_INIT;
    size_t at;
    struct run r;

    while (in.len < 64 * 1024 - 20)
        perch_buf_adds(&in, "* 1 EXISTS\r\n");
    at = in.len;
    CU_ASSERT(at < 64 * 1024 && at + strlen(line) > 64 * 1024); /* the end of a read cuts it */
    perch_buf_adds(&in, line);
    perch_buf_addf(&want, "\"offset\":%zu,", at);
    r = decode_with(&in, NULL);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.out, perch_buf_cstr(&want)));
    perch_buf_clear(&want);
    perch_buf_adds(&want, "\"base64\":\"");
    perch_b64_encode(&want, line, strlen(line));
    perch_buf_adds(&want, "\"}\n");
    CU_ASSERT_PTR_NOT_NULL(strstr(r.out, perch_buf_cstr(&want)));
    run_done(&r);
    perch_buf_done(&in);
    perch_buf_done(&want);
}

/* Nobody can know where the literal would end: the line is given up, the next one is read. */
static void test_a_literal_of_impossible_size_costs_its_line(void)
{
    struct perch_buf in = PERCH_BUF_INIT;
    struct run r;

    perch_buf_adds(&in,
                   "* 1 EXISTS\r\n* 1 FETCH (BODY[] {99999999999999999999999}\r\n* 3 EXISTS\r\n");
    r = decode_with(&in, NULL);
    ASSERT_INT(r.status, CLI_UNWELL);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.out, "{\"kind\":\"malformed\",\"offset\":12,"));
    CU_ASSERT_PTR_NOT_NULL(strstr(r.out, "\"type\":\"EXISTS\",\"value\":3}\n"));
    run_done(&r);
    perch_buf_done(&in);
}

static void test_a_nest_that_is_too_deep_costs_only_itself(void)
{
    struct perch_buf in = PERCH_BUF_INIT;
    struct run r;

    perch_buf_adds(&in, "* 1 FETCH (X ");
    for (int i = 0; i < 1000; i++)
        perch_buf_addc(&in, '(');
    for (int i = 0; i < 1000; i++)
        perch_buf_addc(&in, ')');
    perch_buf_adds(&in, ")\r\n* 3 EXISTS\r\n");
    r = decode_with(&in, NULL);
    ASSERT_INT(r.status, CLI_UNWELL);
    CU_ASSERT(strncmp(r.out, "{\"kind\":\"malformed\",\"offset\":0,", 31) == 0);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(r.out, "\n{\"kind\":\"untagged\",\"type\":\"EXISTS\",\"value\":3}\n"));
    run_done(&r);
    perch_buf_done(&in);
}

/* ---- size ---- */

#define X70000                                                                                     \
    "'size':70000,'sha256':'bca09f4a757d5571c7d9f3341d4301f3c391c090826acc1a3013c6bcb7c01722'"

static void add_xs(struct perch_buf *in, const char *before, const char *behind)
{
    perch_buf_adds(in, before);
    for (int i = 0; i < 70000; i++)
        perch_buf_addc(in, 'x');
    perch_buf_adds(in, behind);
}

static void check_bytes(struct perch_buf *in, const char *want_text)
{
    struct perch_buf want = PERCH_BUF_INIT;
    struct run r = decode_with(in, NULL);

    add(&want, want_text, "");
    ASSERT_INT(r.status, CLI_OK);
    ASSERT_STR(r.out, perch_buf_cstr(&want));
    run_done(&r);
    perch_buf_done(&want);
    perch_buf_done(in);
}

static void test_large_bodies_are_shown_by_size_and_digest(void)
{
    struct perch_buf in = PERCH_BUF_INIT;

    add_xs(&in, "* 12 FETCH (BODY[1] {70000}\r\n", " BODY[2] {1}\r\ny BODY[3] {70000}\r\n");
    add_xs(&in, "", ")\r\n* 1 EXISTS\r\n");
    check_bytes(&in, FETCH("'BODY[1]':{" X70000
                           "},'BODY[2]':{'size':1,'base64':'eQ=='},'BODY[3]':{" X70000 "}")
                         UNTAGGED("EXISTS", "'value':1"));
}

static void test_long_text_is_shown_by_size_and_digest(void)
{
    struct perch_buf in = PERCH_BUF_INIT;

    add_xs(&in, "* 12 FETCH (ENVELOPE (NIL {70000}\r\n", " NIL NIL NIL NIL NIL NIL NIL NIL))\r\n");
    check_bytes(&in, FETCH("'ENVELOPE':{'date':null,'subject':{" X70000
                           "},'from':null," ENVELOPE_REST "'message_id':null}"));
}

/* Behind a large body the offsets count its bytes too. */
static void test_offsets_count_what_streamed_past(void)
{
    struct perch_buf in = PERCH_BUF_INIT;
    char want[64];
    struct run r;

    add_xs(&in, "* 12 FETCH (BODY[1] {70000}\r\n", ")\r\n");
    (void)snprintf(want, sizeof want, "{\"kind\":\"malformed\",\"offset\":%zu,", in.len);
    perch_buf_adds(&in, "garbage\r\n");
    r = decode_with(&in, NULL);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.out, want));
    run_done(&r);
    perch_buf_done(&in);
}

/* ---- damage ---- */

static uint32_t next_random(uint32_t *seed) /* xorshift */
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* A few bytes are put in, taken out or changed. */
static void damage(struct perch_buf *in, uint32_t *seed)
{
    static const char *const pieces[] = {
        "(",   ")", "\"", "{5}\r\n", "{70000}\r\n", "\r\n",     "NIL",
        "\\",  "[", "]",  " ",       "*",           "~{9}\r\n", "{99999999999999999999}\r\n",
        "\xff"};
    struct perch_buf out = PERCH_BUF_INIT;
    size_t at = next_random(seed) % in->len, skip = 0;

    perch_buf_add(&out, perch_buf_data(in), at);
    switch (next_random(seed) % 3) {
    case 0:
        perch_buf_adds(&out, pieces[next_random(seed) % PERCH_COUNT(pieces)]);
        break;
    case 1:
        skip = 1 + next_random(seed) % 8;
        break;
    default:
        perch_buf_addc(&out, (char)next_random(seed));
        skip = 1;
    }
    skip = skip < in->len - at ? skip : in->len - at;
    perch_buf_add(&out, perch_buf_data(in) + at + skip, in->len - at - skip);
    perch_buf_done(in);
    *in = out;
}

/* A malformed response's bytes stand in the stream where it says. */
static bool stands_there(const json_t *record, const struct perch_buf *in)
{
    const json_t *text = json_object_get(record, "base64");
    uint64_t offset = (uint64_t)json_real_value(json_object_get(record, "offset"));
    struct perch_buf raw = PERCH_BUF_INIT;
    bool there;

    if (!json_is_string(text)) /* long: size and digest */
        return json_is_string(json_object_get(record, "sha256"));
    there = perch_b64_decode(&raw, json_string_value(text), json_string_length(text)) &&
            offset + raw.len <= in->len &&
            memcmp(perch_buf_data(in) + offset, perch_buf_data(&raw), raw.len) == 0;
    perch_buf_done(&raw);
    return there;
}

static bool line_is_good(struct perch_span line, const struct perch_buf *in, bool *malformed)
{
    /* X-GM-MSGID may be more than jansson's integers hold */
    json_t *record = json_loadb(line.p, line.n, JSON_DECODE_INT_AS_REAL, NULL);
    const char *kind = json_string_value(json_object_get(record, "kind"));
    bool good = kind != NULL;

    if (good && strcmp(kind, "malformed") == 0) {
        *malformed = true;
        good = stands_there(record, in);
    }
    json_decref(record);
    return good;
}

/* Whatever is wrong with a stream: each line is JSON, and malformed responses are where they
 * say. */
static void test_damaged_streams(void)
{
    uint32_t seed = 0x9e3779b9;

    for (int round = 0; round < 300; round++) {
        struct perch_buf in = PERCH_BUF_INIT;
        struct perch_span rest;
        bool malformed = false;
        struct run r;

        for (size_t i = 0; i < PERCH_COUNT(rows); i++)
            add(&in, rows[i].in, "\r\n");
        for (uint32_t n = 1 + next_random(&seed) % 10; n > 0; n--)
            damage(&in, &seed);
        r = decode_with(&in, NULL);
        rest = (struct perch_span){r.out, r.nout};
        while (rest.n > 0)
            if (!line_is_good(perch_span_cut(&rest, '\n'), &in, &malformed))
                FAIL_ROW("round %d: %s", round, r.out);
        ASSERT_INT(r.status, malformed ? CLI_UNWELL : CLI_OK);
        ASSERT_STR(r.err, "");
        run_done(&r);
        perch_buf_done(&in);
    }
}

/* ---- memory ---- */

static int decode_all(void *user)
{
    struct run r = decode_with(user, NULL);
    int status = r.status;
    bool short_of_memory = strstr(r.err, "out of memory") != NULL;

    run_done(&r);
    return status == CLI_OK ? 0 : short_of_memory ? PERCH_ENOMEM : PERCH_EPROTO;
}

static void test_memory_that_runs_out_is_said(void)
{
    struct perch_buf in = PERCH_BUF_INIT;

    for (size_t i = 0; i < PERCH_COUNT(rows); i++)
        add(&in, rows[i].in, "\r\n");
    add_xs(&in, "* 12 FETCH (BODY[1] {70000}\r\n", ")\r\n");
    CU_ASSERT(perch_failmem(decode_all, &in) > 20);
    perch_buf_done(&in);
}

/* ---- traces ---- */

static void test_a_trace_is_read_by_its_servers_lines(void)
{
    check("trace",
          "S: * OK hi\nC: a1 noop\nnoise\n\nS:\nC\nS: * 2 EXISTS\nC: S: * 3 EXISTS\nS: A1 OK done",
          "\n", NULL, CLI_OK,
          UNTAGGED("OK", "'code':null,'text':'hi'") UNTAGGED("EXISTS", "'value':2")
              TAGGED("OK", "null", "done"));
    check("trace of the client first", "C: a1 noop\r\nS: * 2 EXISTS", "\r\n", NULL, CLI_OK,
          UNTAGGED("EXISTS", "'value':2"));
}

/* The literal's size counts the CR LF that the wire had and the trace lost. */
static void test_a_literal_in_a_trace_keeps_its_size(void)
{
    check("literal", "S: * 12 FETCH (BODY[] {6}\nS: a\nS: b\nS: )\n", "", NULL, CLI_OK,
          FETCH("'BODY[]':{'size':6,'base64':'YQ0KYg0K'}"));
}

static void test_short_streams_that_are_no_trace(void)
{
    check("two bytes", "S:", "", NULL, CLI_UNWELL,
          "{'kind':'malformed','offset':0,'reason':'the stream ended inside a "
          "response','base64':'Uzo='}\n");
    check("a tag that looks like it", "S:1 OK x", "\r\n", NULL, CLI_OK,
          "{'kind':'tagged','tag':'S:1','status':'OK','code':null,'text':'x'}\n");
}

PERCH_SUITE("daemon/decode") = {
    PERCH_TEST(test_each_response),
    PERCH_TEST(test_a_stream_is_the_sum_of_its_responses),
    PERCH_TEST(test_names_behind_utf8_accept),
    PERCH_TEST(test_a_malformed_response_costs_only_itself),
    PERCH_TEST(test_a_stream_that_ends_inside_a_response),
    PERCH_TEST(test_an_empty_stream_is_nothing),
    PERCH_TEST(test_a_literal_of_impossible_size_costs_its_line),
    PERCH_TEST(test_a_line_that_is_given_up_is_shown_from_its_beginning),
    PERCH_TEST(test_a_nest_that_is_too_deep_costs_only_itself),
    PERCH_TEST(test_large_bodies_are_shown_by_size_and_digest),
    PERCH_TEST(test_long_text_is_shown_by_size_and_digest),
    PERCH_TEST(test_offsets_count_what_streamed_past),
    PERCH_TEST(test_damaged_streams),
    PERCH_TEST(test_memory_that_runs_out_is_said),
    PERCH_TEST(test_a_trace_is_read_by_its_servers_lines),
    PERCH_TEST(test_a_literal_in_a_trace_keeps_its_size),
    PERCH_TEST(test_short_streams_that_are_no_trace),
    PERCH_END,
};
