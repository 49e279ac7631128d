using Messaging.Publisher;
using Microsoft.Extensions.Primitives;

namespace Messaging.Unit;

/// <summary>Rows K1–K6 of the HTTP contract, and the kinds of cases in the public structured-field test vectors.</summary>
public sealed class IdempotencyKeyTests
{
    public static TheoryData<string, string> Accepted => new()
    {
        { "\"unique-key-123\"", "unique-key-123" },
        { "\"a\"", "a" },
        { "  \"a\"  ", "a" },
        { "\" a \"", " a " },
        { "\"a b\"", "a b" },
        { "\"a,b;c\"", "a,b;c" },
        { "\"a\\\"b\"", "a\"b" },
        { "\"a\\\\b\"", "a\\b" },
        { "\"\\\"\"", "\"" },
        { "\"\\\\\"", "\\" },
        { "\"~!@#$%^&*()\"", "~!@#$%^&*()" },
        { "\"'single'\"", "'single'" },
        { "\"a\";p", "a" },
        { "\"a\";p;q", "a" },
        { "\"a\"; p", "a" },
        { "\"a\";   p=1", "a" },
        { "\"a\";*", "a" },
        { "\"a\";*a_-.*9=tok", "a" },
        { "\"a\";p=1", "a" },
        { "\"a\";p=-1", "a" },
        { "\"a\";p=999999999999999", "a" },
        { "\"a\";p=-0", "a" },
        { "\"a\";p=0123", "a" },
        { "\"a\";p=1.5", "a" },
        { "\"a\";p=123456789012.123", "a" },
        { "\"a\";p=\"text\"", "a" },
        { "\"a\";p=\"t\\\"e\\\\xt\"", "a" },
        { "\"a\";p=\"\"", "a" },
        { "\"a\";p=token", "a" },
        { "\"a\";p=*token", "a" },
        { "\"a\";p=tok:en/x", "a" },
        { "\"a\";p=:aGVsbG8=:", "a" },
        { "\"a\";p=::", "a" },
        { "\"a\";p=:aGVsbG8:", "a" },
        { "\"a\";p=:iZ==:", "a" },
        { "\"a\";p=:/+Ah:", "a" },
        { "\"a\";p=?0", "a" },
        { "\"a\";p=?1", "a" },
        { "\"a\";p=@1659578233", "a" },
        { "\"a\";p=@-1659578233", "a" },
        { "\"a\";p=@0", "a" },
        { "\"a\";p=%\"f%c3%bc\"", "a" },
        { "\"a\";p=%\"\"", "a" },
        { "\"a\";p=%\"%25\"", "a" },
        { "\"a\";p=1;p=2", "a" },
    };

    public static TheoryData<string> Malformed =>
    [
        "\"", "\"a", "\"a\\\"", "\"a\\", "a\"", "a\"b", "\"a\"b", "\"a\" b", "\"a\"\"b\"", "\"a\" ;p",
        "\"a\\b\"", "\"a\\n\"", "\"a\\ \"", "\"a\\'\"",
        "\"a\tb\"", "\"a\0b\"", "\"a\u001fb\"", "\"a\u007fb\"", "\"a\rb\"", "\"a\nb\"", "\"\u0080\"", "\"ü\"", "\"\u00ff\"", "\"\u2028\"",
        "\"a\", \"b\"", "\"a\",\"b\"", "\"a\",", ",\"a\"", "\"a\", b", "a, b", "a,b", "a,",
        "(\"a\")", "(\"a\" \"b\")", "(a b)", "a b", "a\tb", "\t\"a\"", "a;p=1", "a;b",
        "%\"f%c3%bc\"", "'a b'", "k=\"v\"", "ü", "a\u007f", "a\u0001", "\u00a0a",
        "\"a\";", "\"a\"; ", "\"a\";;p", "\"a\";P", "\"a\";1p", "\"a\";-p", "\"a\";p=", "\"a\";p= 1", "\"a\";p =1", "\"a\"\t;p", "\"a\";\tp",
        "\"a\";p=1.", "\"a\";p=.5", "\"a\";p=1.2345", "\"a\";p=1234567890123.1", "\"a\";p=1000000000000000", "\"a\";p=-", "\"a\";p=--1", "\"a\";p=1e3", "\"a\";p=1.1.1",
        "\"a\";p=\"open", "\"a\";p=\"b\\x\"", "\"a\";p=\"ü\"", "\"a\";p=?", "\"a\";p=?2", "\"a\";p=?true", "\"a\";p=?T",
        "\"a\";p=:aGVsbG8=", "\"a\";p=:aGVs bG8=:", "\"a\";p=:=:a", "\"a\";p=:a:", "\"a\";p=:aGVsbG8===:", "\"a\";p=:a=b=:", "\"a\";p=:aGVs-bG8:",
        "\"a\";p=@", "\"a\";p=@1.5", "\"a\";p=@x", "\"a\";p=%", "\"a\";p=%\"", "\"a\";p=%\"%C3%BC\"", "\"a\";p=%\"%c3\"", "\"a\";p=%\"%f\"", "\"a\";p=%\"ü\"", "\"a\";p=%a",
        "\"a\";p=(1 2)", "\"a\";p={", "\"a\";p=é", "\"a\";p=1 ,", "\"a\";p=1, \"b\"", "\"a\",p",
    ];

    public static TheoryData<string> OtherTypes =>
        ["token", "*token", "1", "-1", "1.5", "?1", "?0", ":aGVsbG8=:", "@1659578233", "unique-key-123", "abc123", "8e03978e-40d5-43dd-bc93-6894a57f9324", "a\\b", "a=b", "()", "{}", "a/b:c"];

    [Theory, MemberData(nameof(Accepted))]
    public void K2_a_quoted_string_is_the_key_and_its_parameters_are_ignored(string header, string expected)
    {
        Assert.Equal(KeyReading.Ok, IdempotencyKey.Read(header, strict: false, out var key));
        Assert.Equal(expected, key.Value);
        Assert.Equal(KeyReading.Ok, IdempotencyKey.Read(header, strict: true, out var strictly));
        Assert.Equal(key, strictly);
    }

    [Theory, MemberData(nameof(Malformed))]
    public void K4_what_is_no_string_is_malformed(string header)
    {
        Assert.Equal(KeyReading.Malformed, IdempotencyKey.Read(header, strict: false, out var key));
        Assert.Equal(default, key);
        Assert.Equal(KeyReading.Malformed, IdempotencyKey.Read(header, strict: true, out _));
    }

    [Theory, MemberData(nameof(OtherTypes))]
    public void K3_a_bare_value_is_the_key_unless_strict(string header)
    {
        Assert.Equal(KeyReading.Ok, IdempotencyKey.Read(header, strict: false, out var key));
        Assert.Equal(header, key.Value);
        Assert.Equal(KeyReading.Malformed, IdempotencyKey.Read(header, strict: true, out _));
    }

    [Fact]
    public void K3_every_visible_character_but_three_may_stand_in_a_bare_key()
    {
        for (var code = 0; code <= 0x2FF; code++)
        {
            var expected = code is > ' ' and <= '~' and not ('"' or ',' or ';') ? KeyReading.Ok : KeyReading.Malformed;
            Assert.Equal(expected, IdempotencyKey.Read($"a{(char)code}b", strict: false, out _));
        }
    }

    [Fact]
    public void K2_every_printable_character_may_stand_in_a_quoted_key()
    {
        for (var code = 0; code <= 0x2FF; code++)
        {
            var text = ((char)code).ToString();
            var spelled = text is "\"" or "\\" ? "\\" + text : text;
            var expected = code is >= ' ' and <= '~' ? KeyReading.Ok : KeyReading.Malformed;
            Assert.Equal(expected, IdempotencyKey.Read($"\"a{spelled}b\"", strict: false, out var key));
            Assert.Equal(expected == KeyReading.Ok ? $"a{text}b" : null, key.Value);
        }
    }

    [Theory]
    [InlineData("abc", "\"abc\"")]
    [InlineData("a\\b", "\"a\\\\b\"")]
    public void K3_a_bare_key_is_the_same_key_as_its_quoted_form(string bare, string quoted)
    {
        IdempotencyKey.Read(bare, strict: false, out var first);
        IdempotencyKey.Read(quoted, strict: false, out var second);
        Assert.Equal(first.Value, second.Value);
    }

    [Fact]
    public void K1_no_header_is_a_missing_key() =>
        Assert.Equal(KeyReading.Missing, IdempotencyKey.Read(StringValues.Empty, strict: false, out _));

    [Theory]
    [InlineData("a", "a")]
    [InlineData("\"a\"", "\"a\"")]
    [InlineData("a", "b")]
    [InlineData("", "a")]
    [InlineData("a", "")]
    public void K5_two_header_lines_are_malformed(string first, string second) =>
        Assert.Equal(KeyReading.Malformed, IdempotencyKey.Read(new StringValues([first, second]), strict: false, out _));

    [Theory]
    [InlineData("\"\"", KeyReading.Empty, KeyReading.Empty)]
    [InlineData("\"\";p=1", KeyReading.Empty, KeyReading.Empty)]
    [InlineData("", KeyReading.Empty, KeyReading.Malformed)]
    [InlineData("  ", KeyReading.Empty, KeyReading.Malformed)]
    public void K6_an_empty_key_is_invalid(string header, object lenient, object strict)
    {
        Assert.Equal(lenient, IdempotencyKey.Read(header, strict: false, out _));
        Assert.Equal(strict, IdempotencyKey.Read(header, strict: true, out _));
    }

    [Fact]
    public void K6_a_key_has_at_most_255_characters_with_escapes_counted_once()
    {
        var longest = new string('k', 255);
        Assert.Equal(KeyReading.Ok, IdempotencyKey.Read(longest, strict: false, out _));
        Assert.Equal(KeyReading.Ok, IdempotencyKey.Read($"\"{longest}\"", strict: false, out _));
        Assert.Equal(KeyReading.Ok, IdempotencyKey.Read($"\"{longest.Replace("k", "\\\\", StringComparison.Ordinal)}\"", strict: false, out _));
        Assert.Equal(KeyReading.TooLong, IdempotencyKey.Read(longest + "k", strict: false, out _));
        Assert.Equal(KeyReading.TooLong, IdempotencyKey.Read($"\"{longest}k\"", strict: false, out _));
        Assert.Equal(KeyReading.TooLong, IdempotencyKey.Read(new string('k', 10_000), strict: false, out _));
    }

    [Theory]
    [InlineData("abc", "abc")]
    [InlineData("\"abc\";p=1", "\"abc\"")]
    [InlineData(" \"a\\\"b\\\\c\" ", "\"a\\\"b\\\\c\"")]
    public void The_echo_is_spelled_as_the_caller_spelled_it_without_parameters(string header, string echo)
    {
        IdempotencyKey.Read(header, strict: false, out var key);
        Assert.Equal(echo, key.ToString());
    }
}
