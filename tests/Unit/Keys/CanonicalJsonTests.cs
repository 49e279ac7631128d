using System.Globalization;
using System.Text;
using System.Text.Json;
using Messaging.Transactional;

namespace Messaging.Unit;

/// <summary>Canonical JSON as RFC 8785 lays it down; the vectors are the RFC's own, and the edges around them.</summary>
public sealed class CanonicalJsonTests
{
    /// <summary>RFC 8785, appendix B: the bits of a double, and how ECMAScript writes it.</summary>
    public static TheoryData<string, string> AppendixB => new()
    {
        { "0000000000000000", "0" },
        { "8000000000000000", "0" },
        { "0000000000000001", "5e-324" },
        { "8000000000000001", "-5e-324" },
        { "7fefffffffffffff", "1.7976931348623157e+308" },
        { "ffefffffffffffff", "-1.7976931348623157e+308" },
        { "4340000000000000", "9007199254740992" },
        { "c340000000000000", "-9007199254740992" },
        { "4430000000000000", "295147905179352830000" },
        { "44b52d02c7e14af5", "9.999999999999997e+22" },
        { "44b52d02c7e14af6", "1e+23" },
        { "44b52d02c7e14af7", "1.0000000000000001e+23" },
        { "444b1ae4d6e2ef4e", "999999999999999700000" },
        { "444b1ae4d6e2ef4f", "999999999999999900000" },
        { "444b1ae4d6e2ef50", "1e+21" },
        { "3eb0c6f7a0b5ed8c", "9.999999999999997e-7" },
        { "3eb0c6f7a0b5ed8d", "0.000001" },
        { "41b3de4355555553", "333333333.3333332" },
        { "41b3de4355555554", "333333333.33333325" },
        { "41b3de4355555555", "333333333.3333333" },
        { "41b3de4355555556", "333333333.3333334" },
        { "41b3de4355555557", "333333333.33333343" },
        { "becbf647612f3696", "-0.0000033333333333333333" },
        { "43143ff3c1cb0959", "1424953923781206.2" },
    };

    public static TheoryData<string, string> Numbers => new()
    {
        { "0", "0" }, { "-0", "0" }, { "0.0", "0" }, { "-0.0", "0" }, { "0e10", "0" }, { "1e-400", "0" },
        { "1", "1" }, { "1.0", "1" }, { "1e0", "1" }, { "10e-1", "1" }, { "100", "100" }, { "1e2", "100" }, { "1E+2", "100" },
        { "-1", "-1" }, { "-1.50", "-1.5" }, { "12.5", "12.5" }, { "0.1", "0.1" }, { "123456789012345", "123456789012345" },
        { "999999999999999", "999999999999999" }, { "1234567890123456", "1234567890123456" },
        { "9007199254740993", "9007199254740992" }, { "9007199254740992.5", "9007199254740992" }, { "18014398509481985", "18014398509481984" },
        { "1e20", "100000000000000000000" }, { "123456789012345678901", "123456789012345680000" }, { "1e21", "1e+21" }, { "1.5e21", "1.5e+21" }, { "999999999999999999999", "1e+21" },
        { "1e-6", "0.000001" }, { "1.5e-6", "0.0000015" }, { "1e-7", "1e-7" }, { "1.5e-7", "1.5e-7" }, { "5e-324", "5e-324" }, { "3e-324", "5e-324" },
        { "1.7976931348623157e308", "1.7976931348623157e+308" }, { "1.7976931348623158e308", "1.7976931348623157e+308" },
        { "333333333.33333329", "333333333.3333333" }, { "1E30", "1e+30" }, { "4.50", "4.5" }, { "2e-3", "0.002" }, { "0.000000000000000000000000001", "1e-27" },
        { "99999999999.9999", "99999999999.9999" }, { "1e23", "1e+23" }, { "2.2250738585072011e-308", "2.225073858507201e-308" },
    };

    [Theory, MemberData(nameof(AppendixB))]
    public void The_RFC_s_number_samples_are_met(string bits, string expected)
    {
        var value = BitConverter.UInt64BitsToDouble(ulong.Parse(bits, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        Assert.Equal(expected, Canonical(value.ToString("E17", CultureInfo.InvariantCulture)));
        Assert.Equal(expected, Canonical(value.ToString("R", CultureInfo.InvariantCulture)));
    }

    [Theory, MemberData(nameof(Numbers))]
    public void A_number_is_written_as_ECMAScript_writes_it(string number, string expected)
    {
        Assert.Equal(expected, Canonical(number));
        Assert.Equal(expected, Canonical(expected));
    }

    [Fact]
    public void Any_double_reads_back_as_itself()
    {
        var random = new Random(8785);
        for (var n = 0; n < 20_000; n++)
        {
            var value = BitConverter.Int64BitsToDouble(random.NextInt64());
            if (double.IsFinite(value))
            {
                Assert.Equal(value, double.Parse(Canonical(value.ToString("E16", CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture));
            }
        }
    }

    [Theory]
    [InlineData("1e309"), InlineData("-1e309"), InlineData("1e999999999999"), InlineData("1.7976931348623159e308")]
    public void A_number_beyond_a_double_is_refused(string number) => Refused(Encoding.UTF8.GetBytes(number));

    [Fact]
    public void The_RFC_s_first_sample_is_met() => Assert.Equal(
        """{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}""",
        Canonical("""
            {
              "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
              "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
              "literals": [null, true, false]
            }
            """));

    [Fact]
    public void The_RFC_s_sorting_sample_is_met() => Assert.Equal(
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}",
        Canonical("""
            {"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
             "\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}
            """));

    [Theory]
    [InlineData("{}", "{}"), InlineData(" [ ] ", "[]"), InlineData("\t\r\n null \n", "null"), InlineData("\"\"", "\"\""), InlineData("true", "true")]
    [InlineData("""{"b":1,"a":2}""", """{"a":2,"b":1}""")]
    [InlineData("""{"b":{"d":1,"c":[{"f":1,"e":2}]},"a":[]}""", """{"a":[],"b":{"c":[{"e":2,"f":1}],"d":1}}""")]
    [InlineData("""{"aa":1,"a":2,"":3}""", """{"":3,"a":2,"aa":1}""")]
    [InlineData("""{"a":1,"A":2,"\u0041b":3}""", """{"A":2,"Ab":3,"a":1}""")]
    [InlineData("""{"\n":1,"\t":2,"\"":3,"!":4}""", """{"\t":2,"\n":1,"!":4,"\"":3}""")]
    [InlineData("[3,1,2]", "[3,1,2]")]
    [InlineData("[1,[2,[]],{}]", "[1,[2,[]],{}]")]
    [InlineData("\"\\/\\u002f\\b\\f\\n\\r\\t\\u0000\\u001F\\u007f\"", "\"//\\b\\f\\n\\r\\t\\u0000\\u001f\u007f\"")]
    [InlineData("\"\\u2028\\ud83d\\ude00\"", "\"\u2028😀\"")]
    public void There_is_one_spelling(string json, string expected)
    {
        Assert.Equal(expected, Canonical(json));
        Assert.Equal(expected, Canonical(expected));
    }

    [Fact]
    public void Members_are_ordered_by_UTF16_code_units()
    {
        string[] names = ["\ufb33", "😀", "\ue000", "\ud7ff", "\uffff", "𐀀", "a", "é", "\u0080", "ࠀ", "aa", "a😀", "a\ue000", "\u0001", "\"", "\\"];
        var random = new Random(16);
        for (var n = 0; n < 200; n++)
        {
            random.Shuffle(names);
            var text = "{" + string.Join(',', names.Select(name => JsonSerializer.Serialize(name) + ":0")) + "}";
            using var sorted = JsonDocument.Parse(Canonical(text));
            Assert.Equal(names.Order(StringComparer.Ordinal), sorted.RootElement.EnumerateObject().Select(member => member.Name));
        }
    }

    [Theory]
    [InlineData(""), InlineData(" "), InlineData("{"), InlineData("[1,]"), InlineData("{\"a\":1,}"), InlineData("{}{}"), InlineData("1 2"), InlineData("nul"), InlineData("NaN")]
    [InlineData("Infinity"), InlineData("01"), InlineData("+1"), InlineData(".5"), InlineData("1."), InlineData("0x1"), InlineData("'a'"), InlineData("{a:1}"), InlineData("// c\n1"), InlineData("\ufeff1")]
    [InlineData("\"\t\""), InlineData("\"\\x\""), InlineData("\"\\u12\""), InlineData("\"open")]
    [InlineData("""{"a":1,"a":1}"""), InlineData("""{"a":1,"b":2,"\u0061":3}"""), InlineData("""[{"x":{"a":1,"a":2}}]"""), InlineData("""{"":1,"":2}""")]
    [InlineData("\"\\ud800\""), InlineData("\"\\udc00\""), InlineData("\"\\udc00\\ud800\""), InlineData("\"\\ud800x\""), InlineData("{\"\\ud800\":1}")]
    public void What_has_no_canonical_spelling_is_refused(string json) => Refused(Encoding.UTF8.GetBytes(json));

    [Theory]
    [InlineData(new byte[] { 0x22, 0x80, 0x22 })]
    [InlineData(new byte[] { 0x22, 0xC0, 0xAF, 0x22 })]
    [InlineData(new byte[] { 0x22, 0xED, 0xA0, 0x80, 0x22 })]
    [InlineData(new byte[] { 0x22, 0xF4, 0x90, 0x80, 0x80, 0x22 })]
    [InlineData(new byte[] { 0x22, 0xE2, 0x82, 0x22 })]
    [InlineData(new byte[] { 0xFF, 0xFE, 0x31, 0x00 })]
    public void Invalid_UTF8_is_refused(byte[] json) => Refused(json);

    [Fact]
    public void Nesting_is_limited()
    {
        var deepest = new string('[', CanonicalJson.MaxDepth) + new string(']', CanonicalJson.MaxDepth);
        Assert.Equal(deepest, Canonical(deepest));
        Refused(Encoding.UTF8.GetBytes('[' + deepest + ']'));
        Refused(Encoding.UTF8.GetBytes(new string('[', 100_000)));
    }

    [Fact]
    public void A_refused_text_leaves_nothing_behind_for_the_next()
    {
        Refused("{\"z\":{\"b\":1,\"a\":[1,{\"x\":"u8.ToArray());
        Assert.Equal("""{"a":1}""", Canonical("""{"a":1}"""));
    }

    [Fact]
    public void A_large_object_in_the_worst_order_is_sorted()
    {
        var names = Enumerable.Range(0, 5_000).Select(n => $"m{n:D5}").Reverse().ToArray();
        var json = "{" + string.Join(',', names.Select(name => $"\"{name}\":\"{new string('x', 20)}\"")) + "}";
        using var sorted = JsonDocument.Parse(Canonical(json));
        Assert.Equal(names.Reverse(), sorted.RootElement.EnumerateObject().Select(member => member.Name));
    }

    private static string Canonical(string json) => Encoding.UTF8.GetString(CanonicalJson.Of(Encoding.UTF8.GetBytes(json)));

    private static void Refused(byte[] json) => Assert.ThrowsAny<JsonException>(() => CanonicalJson.Of(json));
}
